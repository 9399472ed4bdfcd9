"""The authorizer: who gets in, for what, and that the key is nowhere but in its answer."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from llmstrat_iac.relay.authorizer import authorize
from llmstrat_iac.relay.consumers import KeyEntry, KeyRing

KEY = "k3y" * 10
ARN = "arn:aws:execute-api:us-east-1:123456789012:abc123/v1"
NOW = 1_790_000_000.0


def ring(not_after: float | None = None) -> KeyRing:
    return KeyRing({hashlib.sha256(KEY.encode()).hexdigest(): KeyEntry("web", not_after)})


def event(authorization: str | None, name: str = "Authorization") -> dict[str, Any]:
    headers = None if authorization is None else {name: authorization}
    return {"type": "REQUEST", "methodArn": f"{ARN}/POST/chat/completions", "headers": headers}


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_a_known_key_may_use_the_whole_stage(name: str, scheme: str) -> None:
    assert authorize(event(f"{scheme} {KEY}", name), ring(), NOW) == {
        "principalId": "web",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{ARN}/*/*"}],
        },
        "usageIdentifierKey": KEY,
        "context": {"consumer": "web"},
    }


@pytest.mark.parametrize("authorization", [None, "", KEY, f"Basic {KEY}", "Bearer ", "Bearer wrong", "Bearer \ud800"])
def test_anything_else_is_a_401(authorization: str | None) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorize(event(authorization), ring(), NOW)


def test_a_key_ends_at_its_time() -> None:
    assert authorize(event(f"Bearer {KEY}"), ring(NOW + 1), NOW)["principalId"] == "web"
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorize(event(f"Bearer {KEY}"), ring(NOW), NOW)


def test_nothing_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    authorize(event(f"Bearer {KEY}"), ring(), NOW)
    with pytest.raises(Exception, match="Unauthorized"):
        authorize(event(f"Bearer {KEY}x"), ring(), NOW)
    assert capfd.readouterr() == ("", "")
