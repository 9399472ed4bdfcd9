"""From how many tokens a month on a fleet is cheaper than calling a closed model: the spec's own choice, or one named.

The fleet's bill stands still while the closed model's grows with the tokens, until the fleet is full.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmstrat_iac.catalog.closed_models import closed_models
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import SizingLine
from llmstrat_iac.strategies.open_model.fleet import Fleet

DEFAULT = ("bedrock", "amazon.nova-lite-v1:0")
"""What is compared with if the spec names no closed model: small, priced, inside the account."""


@dataclass(frozen=True)
class _Closed:
    model: str
    usd_in: float
    usd_out: float
    why: str


def break_even_lines(resolved: ResolvedSpec, fleet: Fleet, month: float | None) -> Iterator[SizingLine]:
    """One line; nothing if a price isn't known. `month` is the fleet's bill in US dollars, at its least replicas."""
    closed = _closed_model(resolved)
    if closed is None or not month:
        return
    mix, most = fleet.mix, fleet.most_tokens
    blended = (mix.input_tokens * closed.usd_in + mix.output_tokens * closed.usd_out) / mix.tokens
    if blended == 0:
        return
    tokens = month / blended
    basis = f"a month, against {closed.model} ({closed.why}), {blended:.3g} USD a million"
    if most is not None and tokens > most / 1e6:
        basis = f"{basis}: the closed model is cheaper at any load, for the fleet can do {most / 1e6:,.0f} million"
    yield SizingLine("break-even", f"{tokens:,.0f} million tokens", basis)


def _closed_model(resolved: ResolvedSpec) -> _Closed | None:
    serving = resolved.open_model.serving if resolved.open_model else None
    wanted = serving.block.fallback[0] if serving and serving.block.fallback else None
    for provider in resolved.providers.values():
        for entry in provider.entry.models:
            if wanted in (None, entry.alias):
                known = next((model for model in provider.provider.models() if model.id == entry.id), None)
                if known is None or known.usd_per_mtok_input is None or known.usd_per_mtok_output is None:
                    return None
                why = "the fallback" if wanted else "under `providers`"
                return _Closed(entry.id, known.usd_per_mtok_input, known.usd_per_mtok_output, why)
    vendor, identity = DEFAULT
    info = next((model for model in closed_models(vendor) if model.id == identity), None)
    if info is None or info.usd_per_mtok_input is None or info.usd_per_mtok_output is None:
        return None
    return _Closed(identity, info.usd_per_mtok_input, info.usd_per_mtok_output, "for want of one in the spec")
