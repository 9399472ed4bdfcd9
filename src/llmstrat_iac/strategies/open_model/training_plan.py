"""The training in the plan: where it runs, how long it takes, what it costs, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from llmstrat_iac.catalog.sizing.contract import Fit
from llmstrat_iac.catalog.sizing.speed import Range, training_hours
from llmstrat_iac.datasets.report import DatasetReport
from llmstrat_iac.open_model import ResolvedTraining
from llmstrat_iac.open_model.placement import training_need
from llmstrat_iac.plan import Basis, CostLine, Finding, Severity, SizingLine
from llmstrat_iac.strategies.open_model.findings import optimizer_steps
from llmstrat_iac.strategies.open_model.fleet_sizing import hourly, memory, placed, runners_up, span
from llmstrat_iac.tuning.dataset_findings import size_dataset

START_HOURS = 0.25
"""Until the first step: the instance boots, pulls its image of about 10 GB and downloads the weights. Assumed."""


@dataclass(frozen=True)
class Job:
    """A training that fits, with the time that it takes."""

    training: ResolvedTraining
    fit: Fit
    report: DatasetReport | None
    hours: Range | None
    """Start included; None if data or speed isn't known."""

    @property
    def most_hours(self) -> float | None:
        """What `max_duration` allows."""
        duration = self.training.block.max_duration.duration
        return duration.total_seconds() / 3600 if duration else None

    @property
    def billed_hours(self) -> float | None:
        """The longer estimate, but no more than the job may take; None if nobody can tell."""
        if self.hours is None:
            return None
        return min(self.hours.high, self.most_hours or self.hours.high)

    @property
    def price(self) -> float | None:
        """US dollars an hour, in the capacity that the spec asks for."""
        if self.training.block.capacity == "on-demand":
            return self.fit.price.usd
        return self.training.runtime.price(self.fit.instance.name, self.training.region, "training", "spot").usd

    def costs(self) -> Iterator[CostLine]:
        """The instance, once."""
        name = self.training.runtime.instance_name(self.fit.instance.name)
        spot = " (spot)" if self.training.block.capacity == "spot" else ""
        hours, source = self.billed_hours, self.fit.price
        yield CostLine(
            item=f"{name}: training{spot}",
            basis=Basis.ONCE,
            quantity=hours or 0.0,
            unit="instance-hour",
            unit_usd=None if hours is None else self.price,
            source=source.source,
            as_of=source.as_of,
        )

    def while_it_runs(self, lines: tuple[CostLine, ...]) -> Iterator[CostLine]:
        """The runtime's lines by the hour, for the job's hours only: what a job needs goes when it is over."""
        hours = self.billed_hours or self.most_hours
        for line in lines:
            if line.basis is Basis.HOUR and hours is not None:
                yield replace(line, basis=Basis.ONCE, quantity=line.quantity * hours)
            else:
                yield line

    def sizing(self) -> Iterator[SizingLine]:
        """Where, how full, how long, and what another capacity would cost."""
        block, fit = self.training.block, self.fit
        yield from size_dataset(self.training, self.report)
        yield from placed("training", fit, self.training.choice, self.training.runtime, asked=block.instance)
        what = f"{fit.micro_batch_size} examples of {block.hyperparameters.max_length:,} tokens at once"
        yield memory("training", fit, what)
        yield from runners_up("training", self.training.choice, self.training.runtime)
        yield self._time()
        yield from self._capacity()

    def _time(self) -> SizingLine:
        most = f"stopped after {self.training.block.max_duration}"
        if self.hours is None or self.report is None:
            return SizingLine("training: time", "unknown", most)
        epochs = self.training.block.hyperparameters.epochs
        steps = optimizer_steps(self.training, self.report.train.examples)
        note = f"{steps:,} steps in {epochs:g} epochs, and {START_HOURS * 60:.0f} minutes of start; estimate; {most}"
        return SizingLine("training: time", duration(self.hours), note)

    def _capacity(self) -> Iterator[SizingLine]:
        name, region, price = self.fit.instance.name, self.training.region, self.training.runtime.price
        usd = {each: price(name, region, "training", each).usd for each in ("on-demand", "spot")}
        if self.hours is not None and usd["on-demand"] is not None:
            cost = Range(self.hours.low * usd["on-demand"], self.hours.high * usd["on-demand"])
            yield SizingLine("training: cost", f"{span(cost)} USD", f"on demand, {hourly(usd['on-demand'])}")
        note = "cheaper as a rule; may be reclaimed, and resumes from its checkpoint"
        yield SizingLine("training: on spot", hourly(usd["spot"]), note)

    def findings(self) -> Iterator[Finding]:
        """A job that would be stopped before it is done."""
        if self.hours is None or self.most_hours is None or self.hours.low <= self.most_hours:
            return
        yield Finding(
            rule="training-takes-longer",
            severity=Severity.WARNING,
            path="training.max_duration",
            message=f"the job is estimated to take {duration(self.hours)}, and is stopped after "
            f"{self.training.block.max_duration}",
            reason="what was trained by then stays as a checkpoint, and isn't served",
            remedy="raise `max_duration`, choose a faster instance, or train on less",
        )


def size_job(training: ResolvedTraining, report: DatasetReport | None) -> Job | None:
    """The job on the chosen instance type; None if the training fits on none."""
    fit = training.choice.best
    if fit is None:
        return None
    hours = None
    if report is not None and report.train.examples:
        hours = training_hours(training_need(training), fit, tokens=trained_tokens(training, report))
    if hours is not None:
        hours = Range(hours.low + START_HOURS, hours.high + START_HOURS)
    return Job(training, fit, report, hours)


def trained_tokens(training: ResolvedTraining, report: DatasetReport) -> float:
    """All epochs together; as many examples as the steps take, of the mean length."""
    asked, data = training.block.hyperparameters, report.train
    examples = min(data.examples * asked.epochs, (asked.max_steps or float("inf")) * asked.batch_size)
    return data.tokens / data.examples * examples


def duration(hours: Range) -> str:
    """`16 minutes`, `3.1 to 5.6 hours`."""
    if hours.high < 2:
        return f"{span(Range(hours.low * 60, hours.high * 60))} minutes"
    return f"{span(hours)} hours"
