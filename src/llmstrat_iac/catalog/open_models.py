"""Open models, from `open_models.csv` and `licences.csv`: their shape, licence and whether their weights are gated."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.spec.open_model import ArchitectureBlock, ModelBlock


@dataclass(frozen=True)
class Licence:
    """A model's licence: what `accept_licence` names, and what it asks for."""

    name: str
    title: str
    must_accept: bool
    """Whether the weights may be used only after accepting it."""
    conditions: str
    url: str


@dataclass(frozen=True)
class OpenModel:
    """A model whose weights anybody, or anybody who accepts the licence, may download."""

    id: str
    architecture: Architecture
    licence: Licence | None
    gated: bool | None
    """Whether the hub asks for a token; None if unknown."""
    chat: bool
    """Whether it ships a chat template."""
    source: str
    as_of: str


@lru_cache(maxsize=1)
def open_models() -> tuple[OpenModel, ...]:
    """All known open models, family by family."""
    licences = {row["name"]: _licence(row) for row in _rows("licences.csv")}
    return tuple(_model(row, licences) for row in _rows("open_models.csv"))


@lru_cache(maxsize=1)
def licences() -> tuple[Licence, ...]:
    """All known licences of open models."""
    return tuple(_licence(row) for row in _rows("licences.csv"))


def find_model(hub_id: str) -> OpenModel | None:
    """By hub id, whose case the hub ignores as well; None if it isn't known."""
    return _by_id().get(hub_id.lower())


def describe(block: ModelBlock) -> OpenModel | None:
    """What is known of a spec's model: by its id or `base`, else from its `architecture:`; None if nothing is."""
    known = find_model(block.base or block.id)
    if known is not None or block.architecture is None:
        return known
    return OpenModel(
        id=block.id,
        architecture=architecture_of(block.architecture),
        licence=None,
        gated=None,
        chat=False,
        source="`model.architecture` of the spec",
        as_of="",
    )


def architecture_of(block: ArchitectureBlock) -> Architecture:
    """The shape that a spec describes, with what may be left out."""
    return Architecture(
        layers=block.layers,
        hidden_size=block.hidden_size,
        attention_heads=block.attention_heads,
        kv_heads=block.kv_heads or block.attention_heads,
        head_dim=block.head_dim or block.hidden_size // block.attention_heads,
        intermediate_size=block.intermediate_size,
        vocab_size=block.vocab_size,
        max_context=block.max_context,
        tied_embeddings=block.tied_embeddings,
        experts=block.experts,
        experts_per_token=block.experts_per_token,
    )


@lru_cache(maxsize=1)
def _by_id() -> dict[str, OpenModel]:
    return {model.id.lower(): model for model in open_models()}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _licence(row: dict[str, str]) -> Licence:
    return Licence(row["name"], row["title"], row["must_accept"] == "yes", row["conditions"], row["url"])


def _model(row: dict[str, str], known: dict[str, Licence]) -> OpenModel:
    return OpenModel(
        id=row["id"],
        architecture=Architecture.from_row(row),
        licence=known[row["licence"]] if row["licence"] else None,
        gated={"yes": True, "no": False}.get(row["gated"]),
        chat=row["chat"] == "yes",
        source=row["source"],
        as_of=row["as_of"],
    )
