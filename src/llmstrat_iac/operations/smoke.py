"""The smoke test after `up`: list the models and ask the first one a short question, with a consumer's real key."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.operations.chat import Completion, Endpoint, EndpointError, complete, models

_QUESTION = "Answer with one word: ready?"
_SETTLE_SECONDS = 60.0
"""A new API Gateway stage, key and role take some seconds to be known everywhere."""
_SETTLING = frozenset({None, 401, 403, 500, 502, 503})
FLEET_SECONDS = 3600.0
"""Instances that boot, pull an image, and load tens of gigabytes of weights."""
_NOT_THERE_YET = 503


@dataclass(frozen=True)
class SmokeResult:
    """One check of the smoke test."""

    what: str
    passed: bool
    detail: str
    pending: bool = False
    """Whether it failed only because a fleet is still loading its model."""


def smoke_test(
    base_url: str,
    key: str,
    consumer: str,
    model: str,
    *,
    settle_seconds: float = _SETTLE_SECONDS,
    loading: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[SmokeResult, ...]:
    """Call the endpoint as one consumer; a gateway that is still settling is given time.

    With `loading`, a model that isn't there by then counts as pending.
    """
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
    if loading and answered.pending:
        answered = replace(answered, detail="the fleet is still loading it; `llmstrat wait` follows that")
    return listed, replace(answered, pending=loading and answered.pending)


def smoke_stack(resolved: ResolvedSpec, outputs: Mapping[str, Any], *, patient: bool) -> tuple[SmokeResult, ...]:
    """Call a deployed stack's endpoint as its first consumer that has a model; nobody may have one yet.

    With `patient`, a fleet of the stack's own is given an hour to load its model.
    """
    serving = resolved.open_model.serving if resolved.open_model else None
    loads = serving is not None and not serving.block.paused
    for consumer in resolved.spec.endpoint.consumers if resolved.spec.endpoint else ():
        served = outputs["consumers"][consumer.name]
        model = next((model for model in consumer.models if model in served), None)
        if model is not None:
            return smoke_test(
                outputs["base_url"],
                outputs["keys"][consumer.name],
                consumer.name,
                model,
                settle_seconds=FLEET_SECONDS if patient and loads else _SETTLE_SECONDS,
                loading=loads,
            )
    return ()


def _check(what: str, ask: Callable[[], str], deadline: float, sleep: Callable[[float], None]) -> SmokeResult:
    while True:
        try:
            return SmokeResult(what, True, ask())
        except EndpointError as error:
            if error.status not in _SETTLING or time.monotonic() > deadline:
                return SmokeResult(what, False, error.message, pending=error.status == _NOT_THERE_YET)
        sleep(1.0)


def _short(completion: Completion) -> str:
    text = " ".join(completion.text.split())
    return text if len(text) <= 60 else f"{text[:57]}…"
