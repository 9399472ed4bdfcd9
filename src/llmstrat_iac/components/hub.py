"""Asks the Hugging Face hub whether a model can be downloaded: there at that revision, licence granted, token valid.

Only the headers of `config.json` are asked for. `HF_ENDPOINT` is the hub's own variable for another address.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import urllib3

from llmstrat_iac.open_model import ResolvedModel
from llmstrat_iac.plan import Finding, Severity

_RULE = "hub.model"
_TIMEOUT = urllib3.Timeout(connect=5, read=10)
_DEFAULT = "https://huggingface.co"


def check_hub(model: ResolvedModel, token: str | None) -> Iterator[Finding]:
    """Yield what the hub says; `token` is None where the preflight can't read it."""
    block = model.block
    if block.in_s3:
        return
    base = os.environ.get("HF_ENDPOINT", _DEFAULT).rstrip("/")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = urllib3.request(
            "HEAD",
            f"{base}/{block.id}/resolve/{block.revision}/config.json",
            headers=headers,
            retries=False,
            redirect=False,
            timeout=_TIMEOUT,
        )
    except urllib3.exceptions.HTTPError as error:
        yield _finding(Severity.WARNING, "model.id", f"unknown: the hub can't be asked ({type(error).__name__})", "")
        return
    yield _explain(answer.status, model, has_token=token is not None)


def _explain(status: int, model: ResolvedModel, *, has_token: bool) -> Finding:
    block, page = model.block, f"https://huggingface.co/{model.block.id}"
    if status < 400:
        return Finding(
            _RULE, Severity.INFO, "model.id", f"the hub has `{block.id}` at this revision, and grants access"
        )
    if status == 401 and has_token:
        return _finding(
            Severity.ERROR, "model.token", "the hub doesn't accept the token", "make a new read token on the hub"
        )
    if status in (401, 403):
        severity = Severity.ERROR if has_token or block.token is None else Severity.WARNING
        message = f"the hub grants no access to `{block.id}`" if has_token else f"`{block.id}` asks for a token"
        remedy = f"accept the licence at {page} with the token's account" if has_token else "set `model.token`"
        return _finding(severity, "model.token", message, remedy)
    if status == 404:
        remedy = f"copy id and commit from {page}/commits/main"
        return _finding(Severity.ERROR, "model.revision", f"the hub has no `{block.id}` at this revision", remedy)
    return _finding(Severity.WARNING, "model.id", f"unknown: the hub answers {status}", "try again later")


def _finding(severity: Severity, path: str, message: str, remedy: str) -> Finding:
    return Finding(_RULE, severity, path, message, remedy=remedy)
