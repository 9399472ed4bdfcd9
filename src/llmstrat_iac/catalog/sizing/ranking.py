"""Puts what fits, and what doesn't, in order: the cheapest first, an unknown price last."""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.sizing.contract import Choice, Fit, Rejection


def ranked(answers: Iterable[Fit | Rejection]) -> Choice:
    """Of the same price, the one with fewer GPUs comes first."""
    ordered = sorted(answers, key=_key)
    return Choice(
        fits=tuple(answer for answer in ordered if isinstance(answer, Fit)),
        rejected=tuple(answer for answer in ordered if isinstance(answer, Rejection)),
    )


def _key(answer: Fit | Rejection) -> tuple[bool, float, int, str]:
    usd, instance = answer.price.usd, answer.instance
    return usd is None, usd or 0.0, instance.accelerators, instance.name


def shortfall(what: str, parts: tuple[tuple[str, float], ...], available: float) -> str:
    """`needs 31.2 GiB a GPU (weights 15.0, KV cache 8.0, …), 20.2 usable`."""
    largest = sorted(parts, key=lambda part: -part[1])[:3]
    named = ", ".join(f"{name} {gib:.1f}" for name, gib in largest)
    return f"needs {sum(gib for _, gib in parts):.1f} GiB {what} ({named}), {available:.1f} usable"
