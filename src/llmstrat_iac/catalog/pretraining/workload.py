"""What a run asks of the hardware, counted from its shape once: operations, bytes and parameters."""

from __future__ import annotations

from dataclasses import dataclass

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.pretraining.contract import Degrees, Run
from llmstrat_iac.catalog.sizing.training_memory import layer_bytes_per_token


def model_flops_per_token(shape: Architecture, sequence_length: int) -> float:
    """Operations of the model for one token, forward and backward: 6 N + 12 l q s (arXiv:2204.02311 appendix B).

    N are the parameters that a token is multiplied with (its experts, the output layer, not the input embedding); q is
    the width of all query heads. Attention is counted in full, as publications do, though a causal model needs half.
    """
    queries = shape.attention_heads * shape.head_dim
    return 6 * shape.active_parameters + 12 * queries * attended_tokens(shape, sequence_length)


def attended_tokens(shape: Architecture, sequence_length: int) -> float:
    """Sequence length summed over layers; where a window slides, the window."""
    short = min(shape.sliding_window or sequence_length, sequence_length)
    return shape.sliding_window_layers * short + (shape.layers - shape.sliding_window_layers) * sequence_length


@dataclass(frozen=True)
class Workload:
    """Of one token in one layer, forward and backward without recomputation, unless said otherwise."""

    run: Run
    layers: int
    parameters: int
    layer_parameters: float
    head_parameters: int
    """Of the output layer, which is as large as the input embedding."""
    tied: bool
    matmul_flops: float
    attention_flops: float
    """Of the causal half, which is what flash attention computes."""
    head_flops: float
    """Of the output layer."""
    recomputed: dict[str, float]
    """By kind of recomputation, the share of the forward matrix products that is done again."""
    kept_bytes: dict[str, float]
    """By kind of recomputation, what stays for the backward pass."""
    layer_bytes: float
    """What a layer produces, all of it."""
    working_bytes: float
    """What the layer at work has besides."""
    kv_bytes: float
    hidden_bytes: int
    """Of one activation of the residual stream, in 16 bits."""
    expert_parameters: float
    """Of all routed experts of a layer."""
    routed_bytes: int
    """That one token sends to its experts, in 16 bits; 0 without experts."""
    model_flops: float
    """Of a token in all layers, as publications count."""

    def held(self, degrees: Degrees) -> float:
        """Parameters of all layers that a rank may have to gather: its share of the experts, and all else."""
        return self.parameters - self.layers * self.others_experts(degrees)

    def others_experts(self, degrees: Degrees) -> float:
        """Parameters of a layer's experts that are at other ranks, and stay there."""
        return self.expert_parameters * (1 - 1 / degrees.expert)

    def stage_layers(self, degrees: Degrees, outer: int) -> int:
        """Layers of the fullest GPU of a pipeline; embedding and output layer count as `outer` together."""
        if degrees.pipeline == 1:
            return self.layers
        return degrees.interleaved * -(-(self.layers + outer) // (degrees.pipeline * degrees.interleaved))


def workload(run: Run) -> Workload:
    """Count it."""
    shape = run.architecture
    hidden, queries, keys = shape.hidden_size, shape.attention_heads * shape.head_dim, shape.kv_heads * shape.head_dim
    head = shape.vocab_size * hidden
    layer = (shape.parameters - head * (1 if shape.tied_embeddings else 2)) / shape.layers
    active = (shape.active_parameters - head) / shape.layers
    layer_bytes = float(layer_bytes_per_token(shape))
    again = hidden * keys + queries * hidden + hidden * shape.mlp_width
    return Workload(
        run=run,
        layers=shape.layers,
        parameters=shape.parameters,
        layer_parameters=layer,
        head_parameters=head,
        tied=shape.tied_embeddings,
        matmul_flops=6 * active,
        attention_flops=6 * queries * attended_tokens(shape, run.sequence_length) / shape.layers,
        head_flops=6.0 * head,
        # Selective recomputation keeps every second matrix product: queries, values, gate or up, and attention itself
        # (torchtitan 0.3.0, distributed/activation_checkpoint.py).
        recomputed={"keep": 0.0, "selective": min(1.0, again / active), "full": 1.0},
        kept_bytes={
            "keep": layer_bytes,
            "selective": 2.0 * (2 * hidden + 2 * queries + keys + shape.mlp_width),
            "full": 2.0 * hidden,
        },
        layer_bytes=layer_bytes,
        working_bytes=4.0 * shape.mlp_width,
        kv_bytes=float(shape.kv_bytes_per_token_and_layer),
        hidden_bytes=2 * hidden,
        expert_parameters=shape.expert_parameters / shape.layers,
        routed_bytes=2 * hidden * shape.experts_at_once if shape.experts else 0,
        model_flops=model_flops_per_token(shape, run.sequence_length),
    )
