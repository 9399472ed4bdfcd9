"""The dataset of an open model's training: what the trainer demands of it, and its check."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmstrat_iac.datasets.report import DatasetReport
    from llmstrat_iac.datasets.rules import VendorRules
    from llmstrat_iac.open_model.contract import ResolvedModel, ResolvedTraining


def training_rules(training: ResolvedTraining) -> VendorRules:
    """What TRL takes: chats if the model has a template that turns them into text, else plain prompts and answers."""
    from llmstrat_iac.datasets.rules import Method, find_rules
    from llmstrat_iac.datasets.vendors import TRL, TRL_CHAT, TRL_TEXT

    name = TRL_TEXT if lacks_template(training.model) else TRL_CHAT
    return find_rules(TRL, name, None, Method(training.block.objective))


def lacks_template(model: ResolvedModel) -> bool:
    """Whether the model is known to ship no chat template; one that isn't known is taken to have one."""
    return not model.known.chat and model.block.architecture is None


def check_training_data(training: ResolvedTraining) -> DatasetReport | None:
    """The report on local files; None for files in S3 or if they aren't to be read.

    DatasetError if they can't be read, or aren't what `identity` was computed from.
    """
    sources = (training.train, training.validation) if training.validation else (training.train,)
    if not training.reads_files or any(source.path is None for source in sources):
        return None
    from llmstrat_iac.tuning.source import check_dataset

    return check_dataset(training.train, training.validation, training.rules)
