"""Checks the dataset of an open model's training."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmstrat_iac.datasets.report import DatasetReport
    from llmstrat_iac.open_model.contract import ResolvedTraining


def check_training_data(_training: ResolvedTraining) -> DatasetReport | None:
    """The report on local files; None for files in S3 or if they aren't to be read."""
    return None
