"""A trainer of clusters as one record: what the planner counts with, and what the launcher starts and finds.

The launcher (`llmstrat_iac.cluster`) starts `train` under torchrun on each rank, with these variables: LLMSTRAT_CORPUS,
LLMSTRAT_TOKENIZER and LLMSTRAT_CHECKPOINTS are folders, LLMSTRAT_SCRATCH one for whatever else, LLMSTRAT_JOB is
`job.json`, LLMSTRAT_EVENTS the file in which each node's ranks say how far they are (`cluster.events`). A trainer goes
on from the newest checkpoint that it finds, saves and ends when all steps are done, and when any rank gets SIGTERM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from llmstrat_iac.cluster.layout import TORCHS, Layout

if TYPE_CHECKING:
    from pydantic import BaseModel

    from llmstrat_iac.catalog.pretraining.engines import Engine
    from llmstrat_iac.plan import Finding
    from llmstrat_iac.pretraining.contract import ResolvedPretraining


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A program of the trainer's, run in the folder of its files: a module, or a script among them."""

    module: str | None = None
    script: str | None = None
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.module is None) == (self.script is None):
            raise ValueError("an entry is either a module or a script")

    def to_job(self) -> dict[str, Any]:
        """As `job.json` has it."""
        program = {"module": self.module} if self.module is not None else {"script": self.script}
        return {**program, "arguments": list(self.arguments)}


@dataclass(frozen=True, kw_only=True)
class TrainerRun:
    """What a trainer does one run with: what `Trainer.render` returns."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Names, some with a folder, to texts that lie beside `job.json` on each node, on Python's path."""
    requirements: str = ""
    """Of pip, all of them pinned and hashed, as nothing else is installed beside them; torch, which the acceptance gate
    needs, too, and huggingface-hub for tokenizers from the hub. Empty: what the image has."""
    train: Entry
    """Started by torchrun on each rank."""
    export: Entry
    """Started once, on the first node, with two more arguments: the folder of the last checkpoint, and an empty one for
    the model in Hugging Face's format."""
    config: Mapping[str, Any] | None = None
    """The model's `config.json`; None if `export` writes it. `pretraining.llama_config` makes a Llama's."""


def _no_findings(_pretraining: object) -> Iterable[Finding]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """What trains models from scratch on a cluster: the choices of `trainer.framework`."""

    name: str
    title: str
    version: str
    """Of what is pinned; stands in the finished model's manifest."""
    options: type[BaseModel]
    """Model of `trainer.options:`."""
    engine: Engine
    """Which precisions and divisions it can do, and how it spends memory and time: the planner uses nothing else."""
    render: Callable[[ResolvedPretraining], TrainerRun]
    """The run on the planned cluster. Pure."""
    check: Callable[[ResolvedPretraining], Iterable[Finding]] = _no_findings
    """What speaks against the run, such as a shape that it doesn't have. Pure."""
    checkpoints: Layout = TORCHS
    """How it names what it writes to LLMSTRAT_CHECKPOINTS."""
    progress: str | None = None
    """Pattern of the lines in which it prints its steps, with the group `step`, and `loss` and `tokens_per_second` if
    it has them; None if it writes `step` events. `end` and `stopped` are always events."""
    resizes: bool = True
    """Whether it can go on from a checkpoint of another number of nodes; if not, a lost one has to be replaced."""

    def __post_init__(self) -> None:
        if self.progress is not None and "step" not in re.compile(self.progress).groupindex:
            raise ValueError(f"the pattern of steps has no group `step`: `{self.progress}`")


def package_files(package: str, folder: str) -> dict[str, str]:
    """A package's modules as `TrainerRun.files`, in a folder of that name on the nodes."""
    modules = (path for path in files(package).iterdir() if path.name.endswith(".py"))
    return {f"{folder}/{path.name}": path.read_text(encoding="utf-8") for path in sorted(modules, key=str)}
