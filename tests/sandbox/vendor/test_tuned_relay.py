"""A tuned model of every vendor answers through the gateway's relay, by the address that the sandbox gives it."""

from __future__ import annotations

import json
import time
from typing import Any

import openai
import pytest
from google_kit import BASE, PARENT, Google, line
from sandbox_kit import Clients, eventually
from tuning_kit import model as bedrock_model

from llmstrat_iac.relay.app import create_relay
from llmstrat_iac.relay.config import parse_config
from llmstrat_iac.relay.exchange import Request
from llmstrat_iac.relay.fields import Fields
from llmstrat_iac.sandbox.session import SandboxSession


def ask(provider: dict[str, Any], model: str) -> str:
    """What alias `support` answers when this route serves it."""
    document = {
        "version": 1,
        "stack": "s",
        "consumers": {"web": {"models": ["support"], "tokens_per_month": None}},
        "models": {"support": [{"provider": "vendor", "model": model}]},
        "providers": {"vendor": provider},
        "budget_table": None,
        "log_prompts": False,
        "keepalive_seconds": 15,
    }
    relay = create_relay(
        parse_config(Fields(document, "relay.json")), fetch=lambda _arn: "sk-key", write=lambda _: None
    )
    body = json.dumps({"model": "support", "messages": [{"role": "user", "content": "hello"}]}).encode()
    request = Request("POST", "/chat/completions", body, "web", "req-1", time.monotonic() + 120)
    answer = relay.handle(request)
    assert isinstance(answer.body, bytes)
    assert answer.status == 200, answer.body
    return str(json.loads(answer.body)["choices"][0]["message"]["content"])


def bearer(url: str) -> dict[str, Any]:
    return {"wire": "openai", "base_url": url, "auth": "bearer", "secret_arn": "arn:aws:secretsmanager:r:1:secret:k"}


def test_openai(sandbox: SandboxSession) -> None:
    url = sandbox.addresses.upstreams["openai"]
    with openai.OpenAI(base_url=url, api_key="sk-test") as client:
        turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
        content = "\n".join([json.dumps({"messages": turns})] * 10).encode()
        file = client.files.create(file=("train.jsonl", content), purpose="fine-tune").id
        job = client.fine_tuning.jobs.create(model="gpt-4.1-mini-2025-04-14", training_file=file).id
        tuned = eventually(lambda: client.fine_tuning.jobs.retrieve(job).fine_tuned_model)
    assert ask(bearer(url), tuned).startswith(f"[tuned {tuned}]")


def test_gemini(sandbox: SandboxSession) -> None:
    google = Google(sandbox.addresses.vendor_url)
    uri = google.put("relay", "train.jsonl", line().encode())
    request = {"baseModel": BASE, "supervisedTuningSpec": {"trainingDatasetUri": uri}}
    job = google.vertex("POST", f"{PARENT}/tuningJobs", request)[1]["name"]
    tuned = eventually(lambda: google.vertex("GET", job)[1].get("tunedModel"))
    base_url = f"{sandbox.addresses.upstreams['gemini-tuning']}/v1beta1/{tuned['endpoint']}"
    mark = f"[tuned {tuned['endpoint'].rpartition('/')[2]}]"
    assert ask(bearer(base_url), "support").startswith(mark)


def test_bedrock(sandbox: SandboxSession, aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bedrock = aws("bedrock")
    made = bedrock.create_custom_model_deployment(modelDeploymentName="relayed", modelArn=bedrock_model(aws))
    arn = made["customModelDeploymentArn"]

    def active() -> bool:
        found = bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=arn)
        return bool(found["status"] == "Active")

    assert eventually(active)
    url = sandbox.addresses.upstreams["bedrock"]
    provider = {"wire": "bedrock-converse", "base_url": url, "auth": "sigv4", "region": "us-east-1"}
    assert ask(provider, arn).startswith(f"[tuned {arn.rpartition('/')[2]}]")
