"""Puts what fits, and what doesn't, in order: the cheapest first, an unknown price last.

Of those with an unknown price (spot, a region or a service that the catalogue hasn't), the one that is the cheapest
where prices are known comes first: the order of types by price is much the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.gpu_prices import ec2_price
from llmstrat_iac.catalog.sizing.contract import Choice, Fit, Memory, Rejection

_KNOWN_REGION = "us-east-1"
_DEAREST = 1.5
"""Times EC2's price there: SageMaker's known prices are 1.25 to 1.4 times as high, those of other regions 1 to 1.25."""


def ranked(answers: Iterable[Fit | Rejection]) -> Choice:
    """An unknown price comes after every known one, in the order of EC2's in the region whose prices are complete."""
    ordered = sorted(answers, key=_key)
    return Choice(
        fits=tuple(answer for answer in ordered if isinstance(answer, Fit)),
        rejected=tuple(answer for answer in ordered if isinstance(answer, Rejection)),
    )


def _key(answer: Fit | Rejection) -> tuple[bool, float, int, str]:
    usd, instance = answer.price.usd, answer.instance
    if usd is not None:
        return False, usd, instance.accelerators, instance.name
    elsewhere = ec2_price(instance.name, _KNOWN_REGION).usd
    return True, float("inf") if elsewhere is None else elsewhere, instance.accelerators, instance.name


def perhaps_cheaper(choice: Choice) -> tuple[Fit, float] | None:
    """What fits for an unknown price that is likely below the best one's, with EC2's price in the known region."""
    best = choice.best.price.usd if choice.best else None
    if best is None:
        return None
    for fit in choice.fits:
        elsewhere = ec2_price(fit.instance.name, _KNOWN_REGION).usd
        if fit.price.usd is None and elsewhere is not None and elsewhere * _DEAREST < best:
            return fit, elsewhere
    return None


def shortfall(memory: Memory, gpus: int) -> str:
    """`needs 31.2 GiB a GPU, 20.2 usable: weights 15.0, KV cache 8.0`, the largest parts."""
    largest = sorted(memory.parts, key=lambda part: -part[1])[:2]
    named = ", ".join(f"{name} {gib:.1f}" for name, gib in largest)
    where = "" if gpus == 1 else f" on each of {gpus} GPUs"
    return f"needs {memory.needed:.1f} GiB{where}, {memory.available:.1f} usable: {named}"
