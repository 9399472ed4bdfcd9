"""The `model:`, `training:` and `serving:` blocks that `llmstrat init` writes, and the questions behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click

from llmstrat_iac.catalog.open_models import OpenModel, find_model, open_models
from llmstrat_iac.cli.init_tuning import ALIAS
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import Runtime
from llmstrat_iac.plugins import Registry
from llmstrat_iac.spec.names import suggest

DEFAULT_MODEL = "meta-llama/Llama-3.1-8B-Instruct"
DEFAULT_RUNTIME = "ec2"
METHODS = ("qlora", "lora", "full")
_REVISIONS = {DEFAULT_MODEL: "0e9e39f249a16976918f6564b8830bc894c89659"}
"""Of the model that is proposed: https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct/commits/main."""


@dataclass(frozen=True)
class OpenModelAnswers:
    """What goes into the blocks; without a method nothing is trained."""

    model: OpenModel
    revision: str
    runtime: Runtime
    method: str | None
    dataset: str
    accepted: bool


def choose_open_model(
    registry: Registry,
    *,
    model: str | None,
    revision: str | None,
    runtime: str | None,
    method: str | None,
    dataset: str,
    accept_licence: str | None,
    ask: bool,
) -> OpenModelAnswers:
    """Ask for what isn't given; LlmstratError for a model or runtime that isn't known."""
    if ask:
        model = model or click.prompt("Model (`llmstrat models --open` lists them)", default=DEFAULT_MODEL)
        runtime = runtime or click.prompt(f"Runtime ({', '.join(registry.runtimes)})", default=DEFAULT_RUNTIME)
        method = method or click.prompt("Train it first", type=click.Choice([*METHODS, "no"]), default="no")
    found = _known(model or DEFAULT_MODEL)
    pinned = revision or _REVISIONS.get(found.id)
    if pinned is None and ask:
        pinned = click.prompt(f"Commit of https://huggingface.co/{found.id}/commits/main", type=str)
    if pinned is None:
        raise click.UsageError(
            f"--revision must be given: the commit from https://huggingface.co/{found.id}/commits/main"
        )
    return OpenModelAnswers(
        model=found,
        revision=pinned,
        runtime=registry.runtime(runtime or DEFAULT_RUNTIME),
        method=None if method == "no" else method,
        dataset=dataset,
        accepted=_accepts(found, accept_licence),
    )


def open_model_lines(answers: OpenModelAnswers, fallback: list[str]) -> list[str]:
    """The blocks as text, with comments."""
    return [*_model_lines(answers), *_training_lines(answers), *_serving_lines(answers, fallback)]


def _known(identity: str) -> OpenModel:
    found = find_model(identity)
    if found is None:
        near = suggest(identity, (each.id for each in open_models()))
        remedy = near if near.startswith("did you mean") else "`llmstrat models --open` lists the known ones"
        raise LlmstratError(f"nothing is known of the model `{identity}`", remedy=remedy)
    return found


def _accepts(model: OpenModel, named: str | None) -> bool:
    if named is None or model.licence is None:
        return False
    if named != model.licence.name:
        raise LlmstratError(
            f"the licence of {model.id} is `{model.licence.name}`, not `{named}`", remedy=f"read {model.licence.url}"
        )
    return True


def _model_lines(answers: OpenModelAnswers) -> Iterator[str]:
    model = answers.model
    yield "model:"
    yield _line(f"  alias: {ALIAS}", "what applications call")
    yield f"  id: {model.id}"
    yield f"  revision: {answers.revision}"
    if model.licence is not None and model.licence.must_accept:
        # Accepting a licence is for a person to do: until then `plan` refuses the spec, and says what it asks for.
        mark = "" if answers.accepted else "# "
        yield _line(f"  {mark}accept_licence: {model.licence.name}", f"once read: {model.licence.url}")
    if model.gated:
        yield _line('  token: {secret: "env:HF_TOKEN"}', "the weights are gated; uploaded at `up`")
    yield ""


def _training_lines(answers: OpenModelAnswers) -> Iterator[str]:
    if answers.method is None:
        return
    yield "training:"
    yield _line(f"  method: {answers.method}", "qlora and lora train an adapter, full trains all weights")
    yield f"  runtime: {answers.runtime.name}"
    yield _line(f"  dataset: {{train: {answers.dataset}}}", "relative to this file; `llmstrat data check --for trl`")
    yield _line("  hyperparameters: {epochs: 3, max_length: 2048}", "longer examples are cut")
    yield _line("  max_duration: 12h", "then the instance ends, whatever it has done")
    yield ""


def _serving_lines(answers: OpenModelAnswers, fallback: list[str]) -> Iterator[str]:
    context = min(8192, answers.model.architecture.max_context)
    yield "serving:"
    yield f"  runtime: {answers.runtime.name}"
    yield _line("  instance: auto", "the cheapest that fits; `llmstrat gpus` lists them")
    yield _line(f"  max_context: {context}", "with concurrency, what the GPUs' memory is sized for")
    yield "  concurrency: 8"
    yield _line("  replicas: {min: 1, max: 1}", "each bills by the hour, busy or idle")
    if fallback:
        yield _line(f"  fallback: [{', '.join(fallback)}]", "answers when the fleet doesn't")
    yield ""


def _line(text: str, comment: str) -> str:
    return f"{text:<36} # {comment}"
