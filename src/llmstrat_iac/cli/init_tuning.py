"""The `tuning:` block that `llmstrat init` writes: a base that the provider tunes, and what its options need."""

from __future__ import annotations

from dataclasses import dataclass

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import Provider
from llmstrat_iac.planner.tuning import load_tuning, tuning_providers
from llmstrat_iac.plugins import Registry
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.tuning import TunableBase, Tuning

ALIAS = "chat"
_FIRST_BASES = {"sagemaker": "huggingface-reasoning-qwen3-8b", "gemini": "gemini-2.5-flash-lite"}
_PLACEHOLDERS = {"project": "my-project", "bucket": "my-tuning-bucket"}


@dataclass(frozen=True)
class TuningAnswers:
    """What goes into the block."""

    provider: Provider
    tuning: Tuning
    base: TunableBase
    dataset: str


def choose_tuning(registry: Registry, provider: Provider, dataset: str) -> TuningAnswers:
    """Tune the provider's customary base; LlmstratError if the provider doesn't tune."""
    if provider.tuning is None:
        raise LlmstratError(
            f"`{provider.name}` has no managed fine-tuning", remedy=suggest(provider.name, tuning_providers(registry))
        )
    tuning = load_tuning(provider, registry)
    bases = {base.id: base for base in tuning.bases()}
    if not bases:
        raise LlmstratError(f"the provider `{provider.name}` lists no bases to tune", remedy="write the spec by hand")
    base = bases.get(_FIRST_BASES.get(provider.name, "")) or next(iter(bases.values()))
    return TuningAnswers(provider, tuning, base, dataset)


def tuning_lines(answers: TuningAnswers) -> list[str]:
    """The block as text, with comments."""
    tuning, base = answers.tuning, answers.base
    model = tuning.hyperparameters_of(base.id, "supervised")
    assert model is not None, "the catalogue lists only what can be tuned"
    epochs = model.model_fields["epochs"].default
    lines = [
        "tuning:",
        f"  provider: {answers.provider.name}",
        _line(f"  alias: {ALIAS}", "the tuned model; its base answers until it is there"),
        f'  base_model: "{base.id}"',
        _line(f"  dataset: {{train: {answers.dataset}}}", "relative to this file; `llmstrat data check` explains it"),
        _line(f"  hyperparameters: {{epochs: {epochs}}}", "each epoch costs the whole dataset once more"),
    ]
    if base.inference_id is None:
        lines[2] = f"  alias: {ALIAS}"
        lines.append(_line("  fallback_to_base: false", "nobody serves the untuned model in this account"))
    if tuning.secret_variable:
        lines.append(_line(f'  credentials: {{secret: "env:{tuning.secret_variable}"}}', "uploaded at `up`"))
    required = [name for name, field in tuning.options.model_fields.items() if field.is_required()]
    if required:
        options = ", ".join(f"{name}: {_PLACEHOLDERS.get(name, 'change-me')}" for name in required)
        lines.append(_line(f"  options: {{{options}}}", "change these"))
    return [*lines, ""]


def _line(text: str, comment: str) -> str:
    return f"{text:<36} # {comment}"
