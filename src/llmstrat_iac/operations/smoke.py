"""The smoke test after `up`: list the models and ask the first one a short question, with a consumer's real key."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from llmstrat_iac.operations.chat import Completion, Endpoint, EndpointError, complete, models

_QUESTION = "Answer with one word: ready?"
_SETTLE_SECONDS = 60.0
"""A new API Gateway stage, key and role take some seconds to be known everywhere."""
_SETTLING = frozenset({None, 401, 403, 500, 502, 503})


@dataclass(frozen=True)
class SmokeResult:
    """One check of the smoke test."""

    what: str
    passed: bool
    detail: str


def smoke_test(
    base_url: str,
    key: str,
    consumer: str,
    model: str,
    *,
    settle_seconds: float = _SETTLE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[SmokeResult, ...]:
    """Call the endpoint as one consumer; a gateway that is still settling is given time."""
    endpoint = Endpoint(base_url, key)
    deadline = time.monotonic() + settle_seconds
    listed = _check(f"models listed for `{consumer}`", lambda: ", ".join(models(endpoint)), deadline, sleep)
    if not listed.passed:
        return (listed,)
    answered = _check(
        f"`{model}` answers",
        lambda: _short(complete(endpoint, model, _QUESTION)),
        deadline,
        sleep,
    )
    return listed, answered


def _check(what: str, ask: Callable[[], str], deadline: float, sleep: Callable[[float], None]) -> SmokeResult:
    while True:
        try:
            return SmokeResult(what, True, ask())
        except EndpointError as error:
            if error.status not in _SETTLING or time.monotonic() > deadline:
                return SmokeResult(what, False, error.message)
        sleep(1.0)


def _short(completion: Completion) -> str:
    text = " ".join(completion.text.split())
    return text if len(text) <= 60 else f"{text[:57]}…"
