"""Asks the catalogue's sizing for the instance types on which a spec's model can be trained or served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmstrat_iac.catalog.sizing.contract import Choice

if TYPE_CHECKING:
    from llmstrat_iac.open_model.contract import ResolvedServing, ResolvedTraining


def choose_for_training(training: ResolvedTraining) -> Choice:
    """The types on which the training fits, at the runtime's prices."""
    return Choice((), ())


def choose_for_serving(serving: ResolvedServing) -> Choice:
    """The types on which the model fits, at the runtime's prices."""
    return Choice((), ())
