"""Strategy C's contract: open models that are trained and served on instances of one's own."""

from llmstrat_iac.open_model.contract import (
    BASE_SUFFIX,
    MODEL_SECRET,
    Adapter,
    FleetHealth,
    ResolvedModel,
    ResolvedOpenModel,
    ResolvedServing,
    ResolvedTraining,
    Weights,
)
from llmstrat_iac.open_model.runtime import Runtime

__all__ = [
    "BASE_SUFFIX",
    "MODEL_SECRET",
    "Adapter",
    "FleetHealth",
    "ResolvedModel",
    "ResolvedOpenModel",
    "ResolvedServing",
    "ResolvedTraining",
    "Runtime",
    "Weights",
]
