"""Corpus and tokenizer are asked for before a cluster is paid for: what isn't there is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.strategies.from_scratch.inputs import check_inputs

IN_S3 = {"source": "s3://words/tokenizer/"}
ON_THE_HUB = {"source": "example/tokenizer", "revision": "0" * 40}


def ask(folder: Path, answer: Any, tokenizer: dict[str, str] = IN_S3) -> tuple[dict[str, Finding], FakeAccount]:
    """What is found, by its place in the spec, if S3 answers so to every listing."""
    spec = {
        "apiVersion": "llmstrat/v1",
        "name": "own-model",
        "strategy": "D",
        "owner": "ml@example.com",
        "region": "us-east-1",
        "data": {"classification": "internal"},
        "architecture": {"preset": "llama-1b"},
        "tokenizer": tokenizer,
        "corpus": {"source": "s3://texts/all/", "tokens": "1B"},
        "cluster": {"nodes": 1},
    }
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    pretraining = load_spec(path).pretraining
    assert pretraining is not None
    account = FakeAccount({"s3": {"list_objects_v2": answer}})
    return {each.path: each for each in check_inputs(pretraining, account, None)}, account


def test_what_is_there_is_not_spoken_of(tmp_path: Path) -> None:
    told, account = ask(tmp_path, {"KeyCount": 1})
    assert told == {}
    asked = [(arguments["Bucket"], arguments["Prefix"]) for _, _, arguments in account.calls]
    assert asked == [("texts", "all/"), ("words", "tokenizer/tokenizer.json")]


@pytest.mark.parametrize("answer", [{"KeyCount": 0}, error("NoSuchBucket")], ids=["empty", "no bucket"])
def test_what_isnt_there_is_refused(answer: Any, tmp_path: Path) -> None:
    told, _ = ask(tmp_path, answer)
    assert {path: each.severity for path, each in told.items()} == {
        "corpus.source": Severity.ERROR,
        "tokenizer.source": Severity.ERROR,
    }
    assert "`s3://texts/all/`" in told["corpus.source"].message
    assert "`tokenizer.json`" in told["tokenizer.source"].message


def test_what_may_not_be_asked_is_unknown(tmp_path: Path) -> None:
    told, _ = ask(tmp_path, error("AccessDenied"))
    assert {each.severity for each in told.values()} == {Severity.WARNING}
    assert all("unknown" in each.message for each in told.values())


def test_a_tokenizer_on_the_hub_is_asked_for_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    told, account = ask(tmp_path, {"KeyCount": 1}, ON_THE_HUB)
    assert set(told) == {"tokenizer.source"}
    assert told["tokenizer.source"].rule == "hub.model"
    assert len(account.calls) == 1, "S3 for the corpus alone"
