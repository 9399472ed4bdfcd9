"""What the pre-training planner is asked and what it answers: frozen data, each estimate a range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.pretraining.engines import TORCHTITAN, Engine
from llmstrat_iac.catalog.sizing.contract import Memory


@dataclass(frozen=True)
class Span:
    """An estimate: what is likely, and between which bounds it may be."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True)
class Degrees:
    """How the GPUs are divided; see `spec.pretraining.Parallelism`. All numbers are known here."""

    data_replicate: int
    data_shard: int
    tensor: int
    pipeline: int
    context: int
    activations: str
    """`keep`, `selective` or `full` recomputation."""
    interleaved: int = 1
    """Stages of the pipeline on each GPU: 1 is `1F1B`, more are `Interleaved1F1B`, whose bubble is smaller."""
    expert: int = 1
    """Ranks of `data_shard` and `context` among which each layer's experts are divided: tokens travel to them."""

    @property
    def schedule(self) -> str:
        """Of the pipeline, as torchtitan names it."""
        return "1F1B" if self.interleaved == 1 else "Interleaved1F1B"

    @property
    def gpus(self) -> int:
        """All GPUs that train."""
        return self.data_replicate * self.data_shard * self.tensor * self.pipeline * self.context

    @property
    def data(self) -> int:
        """Ranks that see different sequences."""
        return self.data_replicate * self.data_shard


@dataclass(frozen=True)
class Run:
    """A training run, wherever it runs."""

    architecture: Architecture
    tokens: int
    sequence_length: int
    batch_sequences: int
    precision: str
    """`bf16` or `fp8`."""
    compile: bool
    checkpoints: bool
    checkpoint_steps: int | None
    """None: balance the time they take against the work that a failure loses."""
    degrees: Degrees | None = None
    """As the spec gives them, `data_shard` 0 for `rest`; None: search."""
    micro_batch: int | None = None
    engine: Engine = TORCHTITAN
    """The trainer."""


@dataclass(frozen=True)
class Wish:
    """What the cluster may be; None leaves it to the search."""

    instance: InstanceType | None
    nodes: int | None
    deadline_days: float | None = None
    budget_usd: float | None = None
    storage_gb_s: float | None = None
    """What the file system takes, for the time that checkpoints need; None: unknown."""
    region: str | None = None
    """Where it runs, for the energy of its data centres; None: anywhere."""


@dataclass(frozen=True)
class Energy:
    """What a run takes from the grid."""

    kilowatt_hours: Span
    """Of the data centre: boards, hosts and cooling, from start to end."""
    board_watts: Span
    """Of one GPU while it trains."""
    host_watts: Span
    """Of the rest of its node, a GPU: processors, memory, network, fans, losses."""
    pue: Span
    """Energy of the data centre over that of its machines."""
    co2_tonnes: Span | None
    """By the average of the region's grid; None if that isn't known."""
    sources: tuple[str, ...]


@dataclass(frozen=True)
class ClusterPlan:
    """One way to do the run, and what to expect of it."""

    instance: InstanceType
    nodes: int
    degrees: Degrees
    micro_batch: int
    memory: Memory
    """Of the fullest GPU."""
    tokens_per_second: Span
    """Of the whole cluster, while it trains."""
    tflops_per_gpu: Span
    """Model FLOP/s by the usual count (6 N + attention), a GPU."""
    mfu: Span
    """Model FLOPs utilisation, 0 to 1."""
    days: Span
    """From start to end, with checkpoints, failures and lost work."""
    checkpoint_gib: float
    checkpoint_seconds: float
    """That training stands still for one; asynchronous ones only for the copy to host memory."""
    checkpoint_steps: int
    failures: Span
    """Expected interruptions of the whole run."""
    lost_days: Span
    """Work done twice because of them, and restarts."""
    usd_per_hour: float | None
    """Of all nodes; None if the price isn't known."""
    usd: Span | None
    energy: Energy | None
    """None if the power of its GPUs while they train isn't known."""
    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """A cluster that can't do it, and why, with numbers."""

    instance: InstanceType
    nodes: int | None
    reason: str


@dataclass(frozen=True)
class Search:
    """What was looked at. `best` is the cheapest that keeps the deadline, or the fastest within the budget."""

    best: ClusterPlan | None
    alternatives: tuple[ClusterPlan, ...]
    """Others worth a look, of each instance type the interesting numbers of nodes; in the order of cost."""
    refused: tuple[Refusal, ...]


Price = Callable[[InstanceType], AwsPrice]
"""An instance type to its price an hour, where it is to run."""
