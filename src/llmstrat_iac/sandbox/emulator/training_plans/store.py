"""Training plans that have been bought, by account and region. Tags are the tuning store's.

https://docs.aws.amazon.com/sagemaker/latest/dg/reserve-capacity-with-training-plans.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ministack.core.responses import AccountRegionScopedDict

from llmstrat_iac.sandbox.emulator.schedules.clock import CLOCK
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError
from llmstrat_iac.sandbox.jobs import clock, job_seconds

JOBS, CLUSTERS = "training-job", "hyperpod-cluster"
PENDING, SCHEDULED, ACTIVE, EXPIRED, FAILED = "Pending", "Scheduled", "Active", "Expired", "Failed"
_PAYING = 0.2
"""Of a job's time: AWS takes minutes to collect the money, and jobs take days."""
_LEAD_SECONDS = {JOBS: 1800.0, CLUSTERS: 3600.0}
"""How long before the end SageMaker begins to take the instances away."""


def now() -> float:
    """By the sandbox's calendar, which `llmstrat sandbox advance` moves; epoch seconds."""
    return CLOCK.now().timestamp()


@dataclass(frozen=True)
class Segment:
    """A reserved capacity: instances of a type in a zone, from `start` to `end` in epoch seconds."""

    kind: str
    count: int
    zone: str
    start: float
    end: float


@dataclass
class Plan:
    """One that has been bought; `unpaid` is one whose payment fails."""

    arn: str
    name: str
    target: str
    segments: tuple[Segment, ...]
    fee: str
    unpaid: bool = False
    created: float = field(default_factory=clock)

    @property
    def kind(self) -> str:
        """The instance type, the same in all segments."""
        return self.segments[0].kind

    @property
    def total(self) -> int:
        """Instances at a time; the segments come one after the other."""
        return max(each.count for each in self.segments)

    def status(self) -> str:
        """As DescribeTrainingPlan has it: between two segments it is scheduled again."""
        states = {self.status_of(each) for each in self.segments}
        return next(each for each in (PENDING, FAILED, ACTIVE, SCHEDULED, EXPIRED) if each in states)

    def status_of(self, segment: Segment) -> str:
        """The same of one segment."""
        if clock() < self.created + _PAYING * job_seconds():
            return PENDING
        if self.unpaid:
            return FAILED
        return SCHEDULED if now() < segment.start else ACTIVE if now() < segment.end else EXPIRED

    def there(self) -> bool:
        """Whether instances are there now."""
        lead = _LEAD_SECONDS[self.target]
        return any(self.status_of(each) == ACTIVE and now() < each.end - lead for each in self.segments)

    def over(self) -> bool:
        """Whether instances won't be there any more."""
        return self.unpaid or now() >= self.segments[-1].end - _LEAD_SECONDS[self.target]


plans = AccountRegionScopedDict()


def plan(name_or_arn: str) -> Plan | None:
    """One of this account in this region, by its name or ARN."""
    return next((each for each in plans.values() if name_or_arn in (each.name, each.arn)), None)


def existing(name_or_arn: str) -> Plan:
    """The same; an ApiError if there is none."""
    found = plan(name_or_arn)
    if found is None:
        raise ApiError("ResourceNotFound", f"The requested training plan {name_or_arn} was not found.")
    return found
