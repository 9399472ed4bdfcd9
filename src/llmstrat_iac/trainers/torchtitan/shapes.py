"""Which shapes torchtitan is started with here, and what speaks against others."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining import ResolvedPretraining

_GATED = "take a Llama of the same size: a gated feed-forward network of two thirds of the width has as many parameters"
_WITHOUT_EXPERTS = "leave `experts` out, or take the preset of a Llama"


def check_shape(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    """Yield why a shape can't be trained."""
    found = unsupported(pretraining.architecture)
    if found:
        yield Finding(
            rule="shape-not-trainable",
            severity=Severity.ERROR,
            path="architecture",
            message=f"`{pretraining.trainer.framework}` trains dense Llamas, and this shape has {' and '.join(found)}",
            reason="presets of other families are there to plan with: `llmstrat train-plan` takes them",
            remedy=_WITHOUT_EXPERTS if pretraining.architecture.experts else _GATED,
        )


def unsupported(architecture: Architecture) -> tuple[str, ...]:
    """What a shape has that isn't in the models that torchtitan is started with; empty for a dense Llama."""
    unknown = {
        "experts": architecture.experts is not None,
        "a sliding window": architecture.sliding_window is not None,
        "biases of queries, keys and values": architecture.query_key_value_bias,
        "a feed-forward network of two matrices": not architecture.gated_mlp,
    }
    return tuple(name for name, there in unknown.items() if there)
