"""A finished model that is as small as can be and loads all the same: Llama's tensors for a cut-down `config.json`."""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Mapping
from typing import Any

_HIDDEN, _HEADS, _MLP, _LAYERS, _VOCABULARY = 16, 2, 32, 1, 256


def tiny_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A model's `config.json`, cut down: vocabulary and context with the rest."""
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "rms_norm_eps": 1e-5, **config,
        "hidden_size": _HIDDEN, "intermediate_size": _MLP, "num_hidden_layers": _LAYERS, "num_attention_heads": _HEADS,
        "num_key_value_heads": _HEADS, "head_dim": _HIDDEN // _HEADS, "torch_dtype": "float32",
        "vocab_size": min(_VOCABULARY, int(config.get("vocab_size") or _VOCABULARY)),
        "max_position_embeddings": min(512, int(config.get("max_position_embeddings") or 512)),
    }  # fmt: skip


def tiny_model(config: Mapping[str, Any], seed: int = 7) -> dict[str, bytes]:
    """`config.json` and `model.safetensors` by name."""
    small = tiny_config(config)
    chance = random.Random(seed)  # noqa: S311 - weights, no secret
    tensors = {
        name: array("f", (1.0 if len(shape) == 1 else chance.gauss(0, 0.02) for _ in range(_size(shape))))
        for name, shape in _shapes(small).items()
    }
    return {
        "config.json": json.dumps(small, indent=2).encode(),
        "model.safetensors": _safetensors(_shapes(small), tensors),
    }


def _shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    words = (int(config["vocab_size"]), _HIDDEN)
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": words}
    for layer in range(_LAYERS):
        place = f"model.layers.{layer}"
        shapes |= {f"{place}.self_attn.{name}_proj.weight": (_HIDDEN, _HIDDEN) for name in "qkvo"}
        shapes |= {f"{place}.mlp.{name}_proj.weight": (_MLP, _HIDDEN) for name in ("gate", "up")}
        shapes[f"{place}.mlp.down_proj.weight"] = (_HIDDEN, _MLP)
        shapes |= {f"{place}.{name}_layernorm.weight": (_HIDDEN,) for name in ("input", "post_attention")}
    shapes["model.norm.weight"] = (_HIDDEN,)
    return shapes if config.get("tie_word_embeddings") else {**shapes, "lm_head.weight": words}


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _safetensors(shapes: Mapping[str, tuple[int, ...]], tensors: Mapping[str, array[float]]) -> bytes:
    """https://huggingface.co/docs/safetensors: length of the header, header, data."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in tensors.items():
        begin, content = len(data), values.tobytes()
        data += content
        header[name] = {"dtype": "F32", "shape": list(shapes[name]), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data
