"""Rules about open models: their licence is accepted by name, and who asks for gated weights has a token."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.open_model import ResolvedModel
from llmstrat_iac.plan import Finding, Severity


def check_open_model(resolved: ResolvedSpec) -> Iterator[Finding]:
    """All rules about the `model:` block; nothing if there is none."""
    if resolved.open_model is None:
        return
    model = resolved.open_model.model
    yield from licence_accepted(model)
    yield from gated_without_token(model)


def licence_accepted(model: ResolvedModel) -> Iterator[Finding]:
    """A licence that asks for acceptance binds whoever uses the weights: somebody must have read it."""
    licence, accepted = model.known.licence, model.block.accept_licence
    if licence is None:
        if accepted is None:
            yield _unknown_licence(model)
        return
    if not licence.must_accept or accepted == licence.name:
        return
    said = "isn't accepted" if accepted is None else f"isn't `{accepted}`, which is what is accepted"
    yield Finding(
        rule="licence-not-accepted",
        severity=Severity.ERROR,
        path="model.accept_licence",
        message=f"the {licence.title} of `{model.block.id}` {said}",
        reason=f"it asks for: {licence.conditions}",
        remedy=f"read {licence.url}, and add `accept_licence: {licence.name}` under `model:`",
    )


def gated_without_token(model: ResolvedModel) -> Iterator[Finding]:
    """The hub hands gated weights only to an account that has been granted them."""
    if model.known.gated and model.block.token is None:
        yield Finding(
            rule="gated-without-token",
            severity=Severity.ERROR,
            path="model.token",
            message=f"`{model.block.id}` is gated, and there is no token",
            reason="the hub would answer 401 to every training job and to every instance that serves",
            remedy=f"ask for access at https://huggingface.co/{model.block.id}; add `token: {{secret: env:HF_TOKEN}}`",
        )


def _unknown_licence(model: ResolvedModel) -> Finding:
    return Finding(
        rule="licence-unknown",
        severity=Severity.WARNING,
        path="model.accept_licence",
        message=f"nothing is known of the licence of `{model.block.id}`",
        reason="some forbid commercial use, or ask for a notice wherever the model's answers are shown",
        remedy="read it on the model's page, and name it in `accept_licence`",
    )
