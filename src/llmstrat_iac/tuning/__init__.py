"""Managed fine-tuning as data: what a vendor offers, what a spec asks for, and how far its jobs are.

Light: nothing here may import pulumi or boto3, or a dataset's reader before it is needed.
"""

from __future__ import annotations

from llmstrat_iac.catalog.tunable_models import TunableBase
from llmstrat_iac.tuning.contract import TUNING_SECRET, Hyperparameters, ResolvedTuning, Tuning
from llmstrat_iac.tuning.identity import plain_name
from llmstrat_iac.tuning.jobs import JobEvent, JobState, ManagedJob, TuningJob, TuningJobs, TuningState, tuning_state
from llmstrat_iac.tuning.source import DatasetSource

__all__ = [
    "TUNING_SECRET",
    "DatasetSource",
    "Hyperparameters",
    "JobEvent",
    "JobState",
    "ManagedJob",
    "ResolvedTuning",
    "TunableBase",
    "Tuning",
    "TuningJob",
    "TuningJobs",
    "TuningState",
    "plain_name",
    "tuning_state",
]
