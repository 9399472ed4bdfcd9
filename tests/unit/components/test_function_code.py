"""The Lambda packages, and that the relay reads what the infrastructure writes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from components_kit import gateway

from llmstrat_iac.components.function_code import authorizer_archive, relay_archive, zip_bytes
from llmstrat_iac.components.relay_config import KeyDigest, consumers_json, relay_json
from llmstrat_iac.relay import AUTHORIZER_HANDLER, LAMBDA_HANDLER

DIGEST = "0" * 64
SECRETS = {"openai": "arn:aws:secretsmanager:us-east-1:1:secret:x"}
KEYS = [KeyDigest(DIGEST, "web", datetime(2026, 12, 1, tzinfo=UTC))]


def test_equal_content_is_an_equal_zip_with_modes() -> None:
    content = {"b.sh": b"#!/bin/sh\n", "a.py": b"pass\n"}
    first = zip_bytes(content, executable={"b.sh"})
    assert first == zip_bytes(dict(reversed(content.items())), executable={"b.sh"})
    entries = zipfile.ZipFile(io.BytesIO(first)).infolist()
    assert [(entry.filename, oct(entry.external_attr >> 16)) for entry in entries] == [
        ("a.py", "0o100644"),
        ("b.sh", "0o100755"),
    ]


def test_relay_json_is_what_the_relay_expects() -> None:
    document = json.loads(relay_json(gateway(), SECRETS, "demo-dev-token-budget"))
    assert document == {
        "version": 1,
        "stack": "demo-dev",
        "consumers": {
            "web": {"models": ["chat"], "tokens_per_month": 1000},
            "batch": {"models": ["chat", "nova"], "tokens_per_month": None},
        },
        "models": {
            "chat": [
                {"provider": "openai", "model": "gpt-5.2", "usd_per_mtok_input": 1.75, "usd_per_mtok_output": 14.0},
                {
                    "provider": "bedrock",
                    "model": "amazon.nova-pro-v1:0",
                    "usd_per_mtok_input": None,
                    "usd_per_mtok_output": None,
                },
            ],
            "nova": [
                {
                    "provider": "bedrock",
                    "model": "amazon.nova-pro-v1:0",
                    "usd_per_mtok_input": None,
                    "usd_per_mtok_output": None,
                }
            ],
        },
        "providers": {
            "openai": {
                "wire": "openai",
                "base_url": "https://api.openai.com/v1",
                "auth": "bearer",
                "region": None,
                "secret_arn": SECRETS["openai"],
            },
            "bedrock": {
                "wire": "bedrock-converse",
                "base_url": None,
                "auth": "sigv4",
                "region": "us-east-1",
                "secret_arn": None,
            },
        },
        "budget_table": "demo-dev-token-budget",
        "log_prompts": False,
        "keepalive_seconds": 15,
    }


def test_consumers_json_is_what_the_authorizer_expects() -> None:
    assert json.loads(consumers_json(KEYS)) == {
        "version": 1,
        "keys": {DIGEST: {"consumer": "web", "not_after": "2026-12-01T00:00:00Z"}},
    }


def test_the_relays_package_starts_on_its_own(tmp_path: Path) -> None:
    _unpack(relay_archive(relay_json(gateway(), SECRETS, "t")).path, tmp_path)
    check = "from relay.config import load_config; print(sorted(load_config().models))"
    assert _run(tmp_path, LAMBDA_HANDLER, check) == "['chat', 'nova']"


def test_the_authorizers_package_starts_on_its_own(tmp_path: Path) -> None:
    _unpack(authorizer_archive(consumers_json(KEYS)).path, tmp_path)
    check = "from relay.consumers import load_keys; print([each.consumer for each in load_keys().entries.values()])"
    assert _run(tmp_path, AUTHORIZER_HANDLER, check) == "['web']"


def _unpack(path: str | Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)


def _run(folder: Path, handler: str, check: str) -> str:
    """Import the handler from the unpacked package only, as Lambda does, and then run a check."""
    module, _, name = handler.rpartition(".")
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from {module} import {name}; {check}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"LAMBDA_TASK_ROOT": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.strip()
