"""The fleet in the plan: what its instances cost, how fast they are, and how much of them the stated load takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from llmstrat_iac.catalog.sizing.contract import Fit
from llmstrat_iac.catalog.sizing.speed import Range, serving_tokens_per_second
from llmstrat_iac.open_model import ResolvedServing
from llmstrat_iac.open_model.placement import serving_need
from llmstrat_iac.plan import HOURS_A_MONTH, Basis, CostLine, Finding, Severity
from llmstrat_iac.spec.common import Endpoint

_INPUT, _OUTPUT = 800, 300
"""Tokens of a request if the spec states no load."""


@dataclass(frozen=True)
class Mix:
    """A request's tokens, and how many requests a month go to the fleet; None if the spec doesn't say."""

    input_tokens: int
    output_tokens: int
    requests: float | None

    @property
    def tokens(self) -> int:
        """Of a request, in and out."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class Fleet:
    """A fleet that fits, with its speed and its load."""

    serving: ResolvedServing
    fit: Fit
    mix: Mix
    speed: Range | None
    """Requests of this mix a second that one replica can answer; None if the GPU's speed isn't known."""

    @property
    def running(self) -> float:
        """Instances at any time, on average over the week, when nobody calls."""
        block = self.serving.block
        return 0.0 if block.paused else block.replicas.min * self.share

    @property
    def share(self) -> float:
        """Of the time that the fleet is to run."""
        hours = self.serving.block.hours
        return hours.share if hours else 1.0

    @property
    def needed(self) -> Range | None:
        """Replicas that the load keeps busy, while the fleet runs; None if load or speed isn't known."""
        if self.mix.requests is None or self.speed is None:
            return None
        rate = self.mix.requests / (HOURS_A_MONTH * 3600 * self.share)
        return Range(rate / self.speed.high, rate / self.speed.low)

    @property
    def most_tokens(self) -> float | None:
        """Tokens a month, in and out, that the least replicas can do at best; None if their speed isn't known."""
        return None if self.speed is None else self.running * HOURS_A_MONTH * 3600 * self.speed.high * self.mix.tokens

    @property
    def further(self) -> int:
        """Replicas beyond the least that the load needs at worst, within the most that there may be."""
        block = self.serving.block
        if self.needed is None or block.paused:
            return 0
        return max(0, min(math.ceil(self.needed.high), block.replicas.max) - block.replicas.min)

    def costs(self) -> Iterator[CostLine]:
        """The instances: those that always run, and those that the load calls for."""
        name = self.serving.runtime.instance_name(self.fit.instance.name)
        yield self._line(f"{name}: serving", Basis.HOUR, self.running, "instance")
        if self.further:
            hours = self.further * HOURS_A_MONTH * self.share
            yield self._line(f"{name}: further replicas", Basis.LOAD, hours, "instance-hour")

    def findings(self) -> Iterator[Finding]:
        """A load that the fleet can't carry."""
        block, needed, mix = self.serving.block, self.needed, self.mix
        if mix.requests is not None and mix.tokens > block.max_context:
            yield Finding(
                rule="load-beyond-context",
                severity=Severity.WARNING,
                path="endpoint.load",
                message=f"a request of the stated load has {mix.tokens:,} tokens, in and out; at most "
                f"{block.max_context:,} are served",
                reason="vLLM refuses a prompt that is longer, and cuts an answer that gets longer",
                remedy=f"set `serving.max_context: {mix.tokens}` or more, or correct the load",
            )
        if needed is None or block.paused or needed.low <= block.replicas.max:
            return
        yield Finding(
            rule="load-above-capacity",
            severity=Severity.WARNING,
            path="serving.replicas.max",
            message=f"the stated load keeps {needed.low:.1f} to {needed.high:.1f} replicas busy, and there are at most "
            f"{block.replicas.max}",
            reason="requests would wait, and then fail; the estimate is an average, and peaks are higher",
            remedy=f"set `max: {math.ceil(needed.high)}`, choose a faster instance, or lower the load",
        )

    def _line(self, item: str, basis: Basis, quantity: float, unit: str) -> CostLine:
        price = self.fit.price
        return CostLine(item, basis, quantity, unit, price.usd, price.source, price.as_of)


def size_fleet(serving: ResolvedServing, endpoint: Endpoint | None, aliases: set[str]) -> Fleet | None:
    """The fleet on the chosen instance type; None if the model fits on none."""
    fit = serving.choice.best
    if fit is None:
        return None
    mix = _mix(endpoint, aliases)
    answers = serving_tokens_per_second(
        serving_need(serving), fit, input_tokens=mix.input_tokens, output_tokens=mix.output_tokens
    )
    speed = None if answers is None else Range(answers.low / mix.output_tokens, answers.high / mix.output_tokens)
    return Fleet(serving, fit, mix, speed)


def _mix(endpoint: Endpoint | None, aliases: set[str]) -> Mix:
    """The load is even over all models that consumers may call, as in the tokens' cost."""
    load = endpoint.load if endpoint else None
    if endpoint is None or load is None:
        return Mix(_INPUT, _OUTPUT, None)
    wanted = {alias for consumer in endpoint.consumers for alias in consumer.models}
    share = len(wanted & aliases) / len(wanted)
    return Mix(load.input_tokens, load.output_tokens, load.requests_per_month * share)
