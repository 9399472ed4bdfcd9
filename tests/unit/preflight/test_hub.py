"""What the Hugging Face hub says of a model, from a real HTTP server that answers like it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llmstrat_iac.catalog.open_models import find_model
from llmstrat_iac.components.hub import check_adapters, check_hub, check_tokenizer
from llmstrat_iac.open_model import ResolvedModel
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.spec.open_model import AdapterBlock, ModelBlock
from llmstrat_iac.spec.pretraining import TokenizerBlock

COMMIT = "0" * 40
GATED = "meta-llama/Llama-3.1-8B-Instruct"
GOOD, FOREIGN = "hf_good", "hf_not_granted"


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if COMMIT not in self.path:
            status = 404
        elif token == GOOD:
            status = 200
        elif token == FOREIGN:
            status = 403
        else:
            status = 401
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", url)
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def ask(token: str | None, *, revision: str = COMMIT, secret: str | None = "env:HF_TOKEN") -> Finding:
    known = find_model(GATED)
    assert known is not None
    block = ModelBlock(alias="chat", id=GATED, revision=revision, token=None if secret is None else {"secret": secret})  # type: ignore[arg-type]
    (finding,) = check_hub(ResolvedModel(block, known), token)
    return finding


def test_access_is_confirmed() -> None:
    assert ask(GOOD).severity is Severity.INFO


def test_a_token_whose_account_has_not_accepted_the_licence_is_refused_with_the_page() -> None:
    finding = ask(FOREIGN)
    assert finding.severity is Severity.ERROR
    assert f"https://huggingface.co/{GATED}" in finding.remedy


def test_a_bad_token_is_refused() -> None:
    assert (ask("hf_typo").severity, ask("hf_typo").path) == (Severity.ERROR, "model.token")


def test_a_gated_model_without_token_is_refused() -> None:
    assert ask(None, secret=None).severity is Severity.ERROR


def test_a_token_that_only_aws_may_read_is_left_open() -> None:
    assert ask(None, secret="hub-token").severity is Severity.WARNING


def test_an_unknown_revision_is_refused() -> None:
    finding = ask(GOOD, revision="f" * 40)
    assert (finding.severity, finding.path) == (Severity.ERROR, "model.revision")


def test_a_hub_that_cant_be_reached_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    finding = ask(GOOD)
    assert finding.severity is Severity.WARNING
    assert "unknown" in finding.message


def test_no_answer_holds_the_token() -> None:
    for token in (GOOD, FOREIGN, "hf_typo"):
        finding = ask(token)
        assert token not in f"{finding.message}{finding.reason}{finding.remedy}"


def test_an_adapter_is_asked_for_with_the_models_token() -> None:
    def adapters(token: str | None, *blocks: AdapterBlock) -> list[Finding]:
        known = find_model(GATED)
        assert known is not None
        block = ModelBlock(alias="chat", id=GATED, revision=COMMIT)
        return list(check_adapters(ResolvedModel(block, known), blocks, token))

    ours = AdapterBlock(alias="ours", source="s3://example/ours/", rank=8)
    theirs = AdapterBlock(alias="theirs", source="example/theirs", revision=COMMIT, rank=8)
    gone = AdapterBlock(alias="gone", source="example/theirs", revision="f" * 40, rank=8)
    (found,) = adapters(GOOD, ours, theirs)
    assert (found.path, found.severity) == ("serving.adapters[1].source", Severity.INFO)
    (missing,) = adapters(GOOD, gone)
    assert (missing.path, missing.severity) == ("serving.adapters[0].revision", Severity.ERROR)
    assert "`adapter_config.json`" in missing.message
    (refused,) = adapters(None, theirs)
    assert (refused.path, refused.severity) == ("model.token", Severity.ERROR)


def test_a_tokenizer_is_asked_for_by_its_own_file() -> None:
    def tokenizer(token: str | None, revision: str = COMMIT) -> Finding:
        (finding,) = check_tokenizer(TokenizerBlock(source=GATED, revision=revision), token)
        return finding

    assert tokenizer(GOOD).severity is Severity.INFO
    assert (tokenizer(None).path, tokenizer(None).severity) == ("tokenizer.token", Severity.ERROR)
    missing = tokenizer(GOOD, "f" * 40)
    assert missing.path == "tokenizer.revision"
    assert "`tokenizer.json`" in missing.message
    assert list(check_tokenizer(TokenizerBlock(source="s3://example/tokenizer/"), None)) == []
