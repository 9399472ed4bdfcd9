"""The shape of a decoder-only transformer, and what follows from it by counting: parameters and cache bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """A decoder-only transformer as its `config.json` describes it."""

    layers: int
    hidden_size: int
    attention_heads: int
    kv_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    max_context: int
    tied_embeddings: bool = False
    experts: int | None = None
    experts_per_token: int | None = None
    sliding_window: int | None = None
    sliding_window_layers: int = 0
    """How many of the layers see `sliding_window` tokens only."""
    published_parameters: int | None = None
    """As the publisher counts them, where that is known; counted from the shape otherwise."""
