"""Open models, from `open_models.csv`: their shape, licence and whether their weights are gated."""

from __future__ import annotations

from dataclasses import dataclass

from llmstrat_iac.catalog.architecture import Architecture


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
