"""The finished model's `config.json`, in Hugging Face's words."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.pretraining.contract import ResolvedPretraining

ROPE_THETA = 500_000.0
"""As Llama 3 has it."""
NORM_EPSILON = 1e-5


def llama_config(pretraining: ResolvedPretraining) -> dict[str, Any]:
    """A dense Llama of the spec's shape."""
    shape = pretraining.architecture
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": shape.hidden_size,
        "intermediate_size": shape.intermediate_size,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.attention_heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "vocab_size": shape.vocab_size,
        "max_position_embeddings": longest_sequence(pretraining),
        "rope_theta": ROPE_THETA,
        "rms_norm_eps": NORM_EPSILON,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": shape.tied_embeddings,
        "torch_dtype": "bfloat16",
    }


def longest_sequence(pretraining: ResolvedPretraining) -> int:
    """Tokens for which the model has positions."""
    return max(pretraining.architecture.max_context, pretraining.trainer.sequence_length)
