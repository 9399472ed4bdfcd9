"""The clock and the mishaps of the sandbox's tuning jobs, the same at every vendor.

Nothing runs in the background: a job's state is a function of the time that has passed since it began. A mishap is
asked for by `fault-NAME` in a job's name (or suffix, or display name), or by `llmstrat-fault-NAME` in its training
data. `fault-NAMExN` lasts for the first N requests only, so that the next try of the same name works.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

SECONDS_VARIABLE = "LLMSTRAT_SANDBOX_JOB_SECONDS"
# A file that, as long as it is there, holds the time of all jobs in epoch seconds: whoever looks at a state that passes
# by itself lets it last.
CLOCK_VARIABLE = "LLMSTRAT_SANDBOX_CLOCK"
# A Python with `trl`, with which training jobs run the real trainer.
TRAINER_VARIABLE = "LLMSTRAT_TRAINER_PYTHON"
# A Python with torch, with which clusters run the real launcher and torchrun.
CLUSTER_VARIABLE = "LLMSTRAT_CLUSTER_PYTHON"
DEFAULT_SECONDS = 2.0
# Refused when it is created, or fails on its way.
REFUSALS = ("500", "429", "quota")
MISHAPS = ("data", "halfway", "slow")
# Of a job on instances: spot capacity that is taken away once.
INSTANCE_MISHAPS = (*MISHAPS, "reclaim")
# Of a cluster that trains: its acceptance gate finds a link that is too slow.
CLUSTER_MISHAPS = ("slow-link", *MISHAPS)
# Of what serves: containers that never pass their health check.
SERVING_MISHAPS = ("unhealthy", "slow")
_SLOW_SECONDS = 120.0
_QUEUED, _VALIDATED = 0.1, 0.25
_STOPPING_SECONDS = 0.1
_NAMED = re.compile(
    # `slow-link` before `slow`.
    rf"(?<![a-z0-9])fault-({'|'.join((*REFUSALS, *CLUSTER_MISHAPS, *INSTANCE_MISHAPS, *SERVING_MISHAPS[:1]))})"
    r"(?:x(\d+))?(?![a-z0-9])"
)
_moment: ContextVar[float | None] = ContextVar("llmstrat_moment", default=None)
_IN_DATA = re.compile(rb"llmstrat-fault-(data|halfway|slow)")


def job_seconds() -> float:
    """How long a job takes, from LLMSTRAT_SANDBOX_JOB_SECONDS."""
    return float(os.environ.get(SECONDS_VARIABLE) or DEFAULT_SECONDS)


def clock() -> float:
    """Now, or the moment at which time stands still for this request."""
    return _moment.get() or _time()


def _time() -> float:
    name = os.environ.get(CLOCK_VARIABLE)
    if name:
        with suppress(FileNotFoundError):
            return float(Path(name).read_text(encoding="utf-8"))
    return time.time()


@contextmanager
def at_one_moment() -> Iterator[None]:
    """Let a request see all jobs at the same moment."""
    token = _moment.set(_time())
    try:
        yield
    finally:
        _moment.reset(token)


def let_time_go_on() -> None:
    """For a task that a request starts: it outlives the request's one moment, of which it has a copy."""
    _moment.set(None)


class Phase(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    VALIDATING = "validating"
    TRAINING = "training"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"

    @property
    def over(self) -> bool:
        """Whether it stays there."""
        return self in (Phase.COMPLETED, Phase.FAILED, Phase.STOPPED)


@dataclass
class Course:
    """One job's way: queued, validating, training, completed, unless something comes between. Times in epoch seconds.

    `complaint` is what is wrong with the data; the job fails with it at the end of validation. `halts` is the share of
    the training at which its machine is taken away: it gets there, and no further.
    """

    complaint: str | None = None
    mishap: str | None = None
    halts: float | None = None
    seconds: float = field(default_factory=job_seconds)
    begun: float = field(default_factory=clock)
    stopped: float | None = None

    def __post_init__(self) -> None:
        if self.mishap == "slow":
            self.seconds = _SLOW_SECONDS
        if self.mishap == "data" and self.complaint is None:
            self.complaint = "the training data isn't what this model takes (asked for by `fault-data`)"

    @property
    def validated(self) -> float:
        """When validation ends."""
        return self.begun + _VALIDATED * self.seconds

    @property
    def training_from(self) -> float | None:
        """When training began or will begin; None if it never will."""
        barred = self.complaint is not None or (self.stopped is not None and self.stopped < self.validated)
        return None if barred else self.validated

    @property
    def ends(self) -> float:
        """When it is over, as far as is known now."""
        if self.stopped is not None:
            return self.stopped + _STOPPING_SECONDS
        if self.complaint is not None:
            return self.validated
        if self.halts is not None:
            return math.inf
        share = (1 + _VALIDATED) / 2 if self.mishap == "halfway" else 1.0
        return self.begun + share * self.seconds

    def phase(self, now: float | None = None) -> Phase:
        """Where it is now."""
        now = clock() if now is None else now
        if self.stopped is not None:
            return Phase.STOPPED if now >= self.ends else Phase.STOPPING
        if now >= self.ends:
            return Phase.FAILED if self.complaint or self.mishap == "halfway" else Phase.COMPLETED
        if now >= self.validated:
            return Phase.TRAINING
        return Phase.VALIDATING if now >= self.begun + _QUEUED * self.seconds else Phase.QUEUED

    def trained(self, now: float | None = None) -> float:
        """Share of the training that is done, 0 to 1."""
        if self.training_from is None:
            return 0.0
        now = min(clock() if now is None else now, self.stopped or self.ends)
        length, most = (1 - _VALIDATED) * self.seconds, 1.0 if self.halts is None else self.halts
        return min(most, max(0.0, (now - self.training_from) / length)) if length else most

    @property
    def halted(self) -> bool:
        """Whether it is where it halts."""
        return self.halts is not None and self.trained() >= self.halts

    def stop(self) -> bool:
        """Stop it; False if it is over or being stopped already."""
        if self.phase().over or self.stopped is not None:
            return False
        self.stopped = clock()
        return True


class Faults:
    """The mishaps that names and data ask for; remembers how often each was granted."""

    def __init__(self) -> None:
        self._granted: Counter[str] = Counter()

    def refusal(self, *names: str | None) -> str | None:
        """How the creation of something with these names is refused: one of REFUSALS, or not at all."""
        return self._asked(REFUSALS, names)

    def mishap(
        self, names: tuple[str | None, ...], data: bytes = b"", *, kinds: tuple[str, ...] = MISHAPS
    ) -> str | None:
        """What goes wrong later: one of `kinds`, or nothing."""
        found = _IN_DATA.search(data)
        return found.group(1).decode() if found else self._asked(kinds, names)

    def _asked(self, kinds: tuple[str, ...], names: tuple[str | None, ...]) -> str | None:
        for name in names:
            for found in _NAMED.finditer(name or ""):
                kind, most = found.groups()
                if kind in kinds and self._grant(f"{name}:{kind}", most):
                    return str(kind)
        return None

    def _grant(self, key: str, most: str | None) -> bool:
        if most is None:
            return True
        self._granted[key] += 1
        return self._granted[key] <= int(most)


def losses(trained: float, steps: int) -> list[float]:
    """The training loss after each step that is done: it falls from 2.0 towards 0.5."""
    done = int(trained * steps)
    return [round(0.5 + 1.5 / (1 + 4 * step / max(steps, 1)), 4) for step in range(1, done + 1)]
