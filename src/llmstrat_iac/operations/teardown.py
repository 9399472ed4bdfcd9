"""`down`: destroy with retries, sweep independent of the state, and write the receipt.

A destroy that fails is repeated after a refresh, since what AWS refuses now (a throttle, a dependency that is still
going) it often grants a little later. The sweep then looks for everything with the stack's tag or name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module

from llmstrat_iac.engine.events import Diagnostic, OnEvent, Severity
from llmstrat_iac.engine.failures import ResourceError, StackNotFoundError
from llmstrat_iac.engine.results import EMPTY_SNAPSHOT, Snapshot
from llmstrat_iac.engine.stack import Stack
from llmstrat_iac.errors import EngineError
from llmstrat_iac.hookspecs import AwsSession, Leftover, Strategy
from llmstrat_iac.operations.jobs_in_state import refresh_jobs
from llmstrat_iac.operations.receipt import HOURS_A_MONTH, Cost, Receipt, receipt_lines
from llmstrat_iac.operations.usage import cost_of, read_usage
from llmstrat_iac.plan import Total

ATTEMPTS = 3
_PAUSE_SECONDS = 20.0


@dataclass(frozen=True)
class Teardown:
    """One stack to take down: its handle, its strategy and AWS, as found from a spec or from the state alone."""

    stack: Stack
    strategy: Strategy
    region: str
    session: AwsSession
    on_event: OnEvent
    fixed_month_usd: float | None = None
    """The plan's fixed costs a month; None where no spec is at hand or a price is unknown."""
    each_job: Total | None = None
    """The plan's cost of one job; None without jobs or spec."""
    plugin_sweeps: tuple[str, ...] = ()
    """The sweeps of the spec's tuning vendor and runtimes, which may be plugins' that the strategy doesn't know."""
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def run(self, snapshot: Snapshot | None) -> Receipt:
        """Take the stack down and return the receipt; the record of the stack goes only when all else is gone.

        Without a snapshot (the state knows no such stack) the sweep is all there is to do.
        """
        snapshot = snapshot or EMPTY_SNAPSHOT
        outputs = snapshot.outputs.values
        created = snapshot.created
        cost = replace(self._cost(outputs.get("usage_log_group"), created), each_job=self.each_job)
        before = [resource.type for resource in snapshot.resources if resource.is_physical]
        self._refresh_jobs(snapshot)
        failures = self._destroy(len(snapshot.resources)) if snapshot.resources else ()
        after = self._remaining()
        leftovers = self._sweep()
        if snapshot is not EMPTY_SNAPSHOT and not failures and not after:
            self.stack.remove()
        return Receipt(
            stack=self.stack.name,
            strategy=self.strategy.name,
            region=self.region,
            owner=str(outputs.get("owner", "unknown")),
            created=created,
            destroyed=self.now(),
            lines=receipt_lines(before, after),
            leftovers=leftovers,
            kept=_strings(outputs.get("kept")),
            cost=cost,
            failures=failures,
        )

    def _refresh_jobs(self, snapshot: Snapshot) -> None:
        try:
            refresh_jobs(self.stack, snapshot, self.on_event)
        except EngineError as error:
            # The destroy has retries of its own, each after a refresh of everything.
            self.on_event(Diagnostic(Severity.WARNING, f"the jobs can't be looked at: {error.message}", ""))

    def _destroy(self, planned: int) -> tuple[str, ...]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.stack.destroy(self.on_event, planned=planned)
            except ResourceError as error:
                if attempt == ATTEMPTS:
                    return (error.message,)
                message = f"attempt {attempt} of {ATTEMPTS} left something; looking again in {_PAUSE_SECONDS:.0f} s"
                self.on_event(Diagnostic(Severity.WARNING, message, ""))
                self.pause(_PAUSE_SECONDS)
                self.stack.refresh()
            else:
                break
        return ()

    def _sweep(self) -> tuple[Leftover, ...]:
        found: dict[tuple[str, str], Leftover] = {}
        for reference in (*self.plugin_sweeps, self.strategy.sweep):
            for leftover in sweep(reference, self.stack.name, self.session, remove=True):
                found.setdefault((leftover.type, leftover.id), leftover)
        return tuple(found.values())

    def _remaining(self) -> list[str]:
        try:
            return [resource.type for resource in self.stack.resources() if resource.is_physical]
        except StackNotFoundError:
            return []

    def _cost(self, log_group: object, created: datetime | None) -> Cost:
        from botocore.exceptions import BotoCoreError, ClientError

        if created is None:
            return Cost(fixed_usd=None, tokens_usd=None, requests=None)
        hours = (self.now() - created).total_seconds() / 3600
        fixed = None if self.fixed_month_usd is None else self.fixed_month_usd * hours / HOURS_A_MONTH
        if log_group is None:
            return Cost(fixed_usd=fixed, tokens_usd=None, requests=None)
        try:
            return cost_of(read_usage(self.session, str(log_group), since=created), fixed_usd=fixed)
        except (BotoCoreError, ClientError) as error:
            # The account is nice to have; the teardown must not depend on a log that may be gone already.
            message = f"the usage log can't be read ({type(error).__name__}), so token costs are unknown"
            self.on_event(Diagnostic(Severity.WARNING, message, ""))
            return Cost(fixed_usd=fixed, tokens_usd=None, requests=None)


def sweep(reference: str, stack_name: str, session: AwsSession, *, remove: bool) -> Iterable[Leftover]:
    """Run a strategy's or vendor's own search for what is left of a stack."""
    module, _, function = reference.partition(":")
    leftovers: Iterable[Leftover] = getattr(import_module(module), function)(stack_name, session, remove=remove)
    return leftovers


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()
