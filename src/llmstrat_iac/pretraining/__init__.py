"""Strategy D's contract: a model that is trained from scratch on a cluster of one's own, and who trains it."""

from llmstrat_iac.cluster.layout import Layout
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.pretraining.hub_config import llama_config
from llmstrat_iac.pretraining.trainer import Entry, Trainer, TrainerRun, package_files

__all__ = ["Entry", "Layout", "ResolvedPretraining", "Trainer", "TrainerRun", "llama_config", "package_files"]
