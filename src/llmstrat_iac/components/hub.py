"""Asks the Hugging Face hub whether something can be downloaded: there at that revision, access granted, token valid.

Only the headers of one file are asked for. `HF_ENDPOINT` is the hub's own variable for another address.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import urllib3

from llmstrat_iac.open_model import ResolvedModel
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.spec.open_model import AdapterBlock
from llmstrat_iac.spec.places import in_s3
from llmstrat_iac.spec.pretraining import TokenizerBlock

_RULE = "hub.model"
_TIMEOUT = urllib3.Timeout(connect=5, read=10)
_DEFAULT = "https://huggingface.co"


@dataclass(frozen=True)
class _Wanted:
    """A file of a repository, and where the spec names it."""

    repository: str
    revision: str | None
    file: str
    block: str
    field: str
    token_block: str
    """Of whose `token` it is asked for."""
    names_token: bool

    @property
    def page(self) -> str:
        return f"https://huggingface.co/{self.repository}"


def check_hub(model: ResolvedModel, token: str | None) -> Iterator[Finding]:
    """Yield what the hub says of a model; `token` is None where the preflight can't read it."""
    block = model.block
    if not block.in_s3:
        named = block.token is not None
        yield _ask(_Wanted(block.id, block.revision, "config.json", "model", "id", "model", named), token)


def check_adapters(model: ResolvedModel, adapters: Sequence[AdapterBlock], token: str | None) -> Iterator[Finding]:
    """The same of the adapters that are served beside it; they are downloaded with the model's token."""
    named = model.block.token is not None
    for number, each in enumerate(adapters):
        if not in_s3(each.source):
            where = f"serving.adapters[{number}]"
            file = "adapter_config.json"
            yield _ask(_Wanted(each.source, each.revision, file, where, "source", "model", named), token)


def check_tokenizer(block: TokenizerBlock, token: str | None) -> Iterator[Finding]:
    """The same of a tokenizer."""
    if not block.in_s3:
        named = block.token is not None
        wanted = _Wanted(block.source, block.revision, "tokenizer.json", "tokenizer", "source", "tokenizer", named)
        yield _ask(wanted, token)


def _ask(wanted: _Wanted, token: str | None) -> Finding:
    base = os.environ.get("HF_ENDPOINT", _DEFAULT).rstrip("/")
    try:
        answer = urllib3.request(
            "HEAD",
            f"{base}/{wanted.repository}/resolve/{wanted.revision}/{wanted.file}",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            retries=False,
            redirect=False,
            timeout=_TIMEOUT,
        )
    except urllib3.exceptions.HTTPError as error:
        message = f"unknown: the hub can't be asked ({type(error).__name__})"
        return _finding(Severity.WARNING, wanted, wanted.field, message, "")
    return _explain(answer.status, wanted, has_token=token is not None)


def _explain(status: int, wanted: _Wanted, *, has_token: bool) -> Finding:
    name, page = wanted.repository, wanted.page
    if status < 400:
        message = f"the hub has `{name}` at this revision, and grants access"
        return _finding(Severity.INFO, wanted, wanted.field, message, "")
    if status == 401 and has_token:
        message = "the hub doesn't accept the token"
        remedy = "make a new read token on the hub"
        return Finding(_RULE, Severity.ERROR, f"{wanted.token_block}.token", message, remedy=remedy)
    if status in (401, 403):
        severity = Severity.ERROR if has_token or not wanted.names_token else Severity.WARNING
        message = f"the hub grants no access to `{name}`" if has_token else f"`{name}` asks for a token"
        place = f"{wanted.token_block}.token"
        remedy = f"accept the licence at {page} with the token's account" if has_token else f"set `{place}`"
        return Finding(_RULE, severity, place, message, remedy=remedy)
    if status == 404:
        message = f"the hub has no `{name}` at this revision"
        if wanted.file != "config.json":
            message = f"{message}, or no `{wanted.file}` in it"
        return _finding(Severity.ERROR, wanted, "revision", message, f"copy id and commit from {page}/commits/main")
    return _finding(Severity.WARNING, wanted, wanted.field, f"unknown: the hub answers {status}", "try again later")


def _finding(severity: Severity, wanted: _Wanted, field: str, message: str, remedy: str) -> Finding:
    return Finding(_RULE, severity, f"{wanted.block}.{field}", message, remedy=remedy)
