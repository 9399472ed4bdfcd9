"""The provider's configuration: what is accepted, what is refused, and that nothing leads off this machine."""

from __future__ import annotations

from typing import Any

import pytest

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.clients import Clients
from llmstrat_iac.sandbox.provider.config import check_config, expand, parse_config

LOOPBACK = "http://127.0.0.1:4566"


def failures(**news: Any) -> dict[str, str]:
    return {failure.path: failure.reason for failure in check_config(expand({"region": "us-east-1", **news}))}


@pytest.mark.parametrize(
    "news",
    [
        {"version": "7.51.1", "pluginDownloadURL": "x"},
        {"skipCredentialsValidation": "true", "skipRequestingAccountId": True, "skipMetadataApiCheck": "true"},
        {"defaultTags": '{"tags": {"a": "b"}}'},
        {"allowedAccountIds": '["000000000000"]', "profile": "work", "accessKey": "AKIA", "secretKey": "x"},
        {"endpoints": f'[{{"s3": "{LOOPBACK}"}}]'},
    ],
)
def test_a_program_written_for_aws_configures(news: dict[str, Any]) -> None:
    assert failures(**news) == {}


@pytest.mark.parametrize(
    ("news", "path", "reason"),
    [
        ({"regoin": "x"}, "regoin", "did you mean `region`?"),
        ({"region": ""}, "region", "Missing region"),
        ({"defaultTags": '{"tag": {}}'}, "defaultTags.tag", "did you mean `tags`?"),
        ({"skipRegionValidation": "maybe"}, "skipRegionValidation", "expected a boolean"),
        ({"endpoints": '[{"s3": "https://s3.amazonaws.com"}]'}, "endpoints.s3", "only talks to loopback"),
    ],
)
def test_bad_configuration_is_rejected_by_path(news: dict[str, Any], path: str, reason: str) -> None:
    assert reason in failures(**news)[path]


def test_tags_and_accounts_are_parsed() -> None:
    config = parse_config(
        expand(
            {
                "region": "eu-west-1",
                "defaultTags": '{"tags": {"a": "b"}}',
                "ignoreTags": '{"keys": ["x"], "keyPrefixes": ["aws:"]}',
                "allowedAccountIds": '["1"]',
            }
        )
    )
    assert (config.region, config.default_tags, config.allowed_accounts) == ("eu-west-1", {"a": "b"}, {"1"})
    assert [config.ignores_tag(key) for key in ("x", "aws:y", "z")] == [True, True, False]


@pytest.mark.parametrize(
    "url",
    ["", "https://s3.amazonaws.com", "http://127.0.0.1.example.com", "http://10.0.0.1:80", "ftp://localhost", "x"],
)
def test_only_loopback_gets_clients(url: str) -> None:
    with pytest.raises(SandboxError, match="isn't a loopback URL"):
        Clients(url)


def test_clients_ignore_the_users_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-does-not-exist")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREALREALREAL")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.amazonaws.com")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    client = Clients(LOOPBACK).get("s3", "us-east-1")
    assert client.meta.endpoint_url == LOOPBACK
    assert client._request_signer._credentials.access_key == "000000000000"
    assert client.meta.config.proxies == {}
