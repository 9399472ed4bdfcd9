"""Strategy D's contract: a model that is trained from scratch on a cluster of one's own."""

from llmstrat_iac.pretraining.contract import ResolvedPretraining

__all__ = ["ResolvedPretraining"]
