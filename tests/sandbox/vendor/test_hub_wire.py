"""The hub's stand-in: gated models want a token, an unknown commit isn't there."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from llmstrat_iac.sandbox.vendor.hub_wire import hub_routes

GATED, OPEN = "meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen2.5-7B-Instruct"


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "adapter_config.json"])
@pytest.mark.parametrize(
    ("model", "token", "status"),
    [(GATED, None, 401), (GATED, "sandbox-placeholder-key", 200), (GATED, "hf-not-granted", 403), (OPEN, None, 200)],
)
def test_access(model: str, token: str | None, status: int, name: str) -> None:
    client = TestClient(Starlette(routes=hub_routes()))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    assert client.head(f"/{model}/resolve/{'a' * 40}/{name}", headers=headers).status_code == status


def test_an_unknown_commit() -> None:
    client = TestClient(Starlette(routes=hub_routes()))
    assert client.head(f"/{OPEN}/resolve/{'0' * 40}/config.json").status_code == 404
