"""The shape of a decoder-only transformer, and what follows from it by counting: parameters and cache bytes."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Of the feed-forward network; of each expert where there are experts."""
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
    shared_experts: int = 0
    """Experts that every token passes through, besides those that it is routed to."""
    dense_layers: int = 0
    """Of a mixture of experts, how many of the layers have one feed-forward network instead."""
    dense_intermediate_size: int = 0
    """Width of that network."""
    gated_mlp: bool = True
    """Three matrices (SwiGLU, GeGLU) rather than the two of GPT."""
    query_key_value_bias: bool = False
    published_format: str = "16-bit"
    """How the weights are published: `16-bit`, or `mxfp4` for experts in 4 bits."""
    float16: bool = True
    """Whether it can compute in float16; Gemma 2 and 3 overflow there, so that vLLM refuses."""

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Architecture:
        """From a table whose columns are called as the fields; a column that it hasn't, or an empty cell, is unset."""

        def count(column: str) -> int | None:
            return int(row[column]) if row.get(column) else None

        return cls(
            layers=int(row["layers"]),
            hidden_size=int(row["hidden_size"]),
            attention_heads=int(row["attention_heads"]),
            kv_heads=int(row["kv_heads"]),
            head_dim=int(row["head_dim"]),
            intermediate_size=int(row["intermediate_size"]),
            vocab_size=int(row["vocab_size"]),
            max_context=int(row["max_context"]),
            tied_embeddings=row["tied_embeddings"] == "yes",
            experts=count("experts"),
            experts_per_token=count("experts_per_token"),
            sliding_window=count("sliding_window"),
            sliding_window_layers=count("sliding_window_layers") or 0,
            published_parameters=count("published_parameters"),
            shared_experts=count("shared_experts") or 0,
            dense_layers=count("dense_layers") or 0,
            dense_intermediate_size=count("dense_intermediate_size") or 0,
            gated_mlp=row.get("gated_mlp", "yes") == "yes",
            query_key_value_bias=row.get("query_key_value_bias") == "yes",
            published_format=row.get("published_format") or "16-bit",
            float16=row.get("float16", "yes") == "yes",
        )

    @property
    def parameters(self) -> int:
        """All of them, as published, else counted: what has to be loaded, whichever experts a token meets."""
        return self.published_parameters or self.counted_parameters

    @property
    def counted_parameters(self) -> int:
        """Counted from the shape: embeddings, attention, feed-forward or experts with their router, norms."""
        return self.embedding_parameters + self.block_parameters + self.norm_parameters

    @property
    def active_parameters(self) -> int:
        """Those that one token is multiplied with: its experts only, and the embedding once, as output layer."""
        idle = 0
        if self.experts is not None:
            unused = self.experts - (self.experts_per_token or self.experts)
            idle = self._moe_layers * unused * self._mlp(self.intermediate_size)
        looked_up = 0 if self.tied_embeddings else self.vocab_size * self.hidden_size
        return self.parameters - idle - looked_up

    @property
    def embedding_parameters(self) -> int:
        """Input embedding and, unless tied, output layer: quantizers leave both in 16 bits."""
        return self.vocab_size * self.hidden_size * (1 if self.tied_embeddings else 2)

    @property
    def block_parameters(self) -> int:
        """The matrices of all layers: what quantizers shrink and LoRA adapts (routers, which they don't, are tiny)."""
        return self.layers * self.attention_parameters + self.mlp_parameters

    @property
    def attention_parameters(self) -> int:
        """Of one layer: queries and output for every head, keys and values for every key-value head."""
        queries = self.attention_heads * self.head_dim
        keys = self.kv_heads * self.head_dim
        bias = (queries + 2 * keys) if self.query_key_value_bias else 0
        return self.hidden_size * (2 * queries + 2 * keys) + bias

    @property
    def mlp_parameters(self) -> int:
        """Feed-forward networks of all layers, every expert of them included."""
        dense = self._mlp(self.dense_intermediate_size)
        if self.experts is None:
            return self.layers * self._mlp(self.intermediate_size)
        experts = (self.experts + self.shared_experts) * self._mlp(self.intermediate_size)
        router = self.experts * self.hidden_size
        return self._moe_layers * (experts + router) + self.dense_layers * dense

    @property
    def norm_parameters(self) -> int:
        """Two norms a layer and a last one. Some families have four, or norm queries and keys: below 0.01%."""
        return self.hidden_size * (2 * self.layers + 1)

    @property
    def expert_parameters(self) -> int:
        """Of all routed experts, routers not included; 0 without experts."""
        return self._moe_layers * (self.experts or 0) * self._mlp(self.intermediate_size)

    @property
    def key_value_parameters(self) -> int:
        """Of the key and value projections of all layers: what tensor parallelism can't split beyond the heads."""
        return self.layers * 2 * self.hidden_size * self.kv_heads * self.head_dim

    @property
    def mlp_width(self) -> int:
        """Width of what one token's feed-forward computes: all of its experts together."""
        routed = self.intermediate_size * (self.experts_at_once + self.shared_experts)
        return max(routed, self.dense_intermediate_size)

    @property
    def experts_at_once(self) -> int:
        """Routed experts that a token passes through; 1 without experts."""
        return 1 if self.experts is None else self.experts_per_token or self.experts

    @property
    def kv_bytes_per_token_and_layer(self) -> int:
        """Keys and values of one token in one layer, in 16 bits."""
        return 2 * self.kv_heads * self.head_dim * 2

    @property
    def kv_bytes_per_token(self) -> int:
        """Keys and values of one token in all layers, in 16 bits, while no window has slid past it."""
        return self.layers * self.kv_bytes_per_token_and_layer

    @property
    def _moe_layers(self) -> int:
        return self.layers - self.dense_layers

    def _mlp(self, width: int) -> int:
        return (3 if self.gated_mlp else 2) * self.hidden_size * width
