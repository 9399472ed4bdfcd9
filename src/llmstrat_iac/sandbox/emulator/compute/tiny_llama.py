"""Writes a two-layer Llama with random weights and a byte-level tokenizer: what the sandbox trains in a job's stead.

Usage, with the trainer's Python: tiny_llama.py FOLDER
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def main(folder: str) -> None:
    """Write model and tokenizer."""
    transformers = import_module("transformers")
    tokenizer = _tokenizer(transformers)
    tokenizer.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


def _tokenizer(transformers: Any) -> Any:
    """Every byte is a token."""
    models, parts = import_module("tokenizers.models"), import_module("tokenizers.pre_tokenizers")
    vocabulary = {symbol: number for number, symbol in enumerate(sorted(parts.ByteLevel.alphabet()))}
    inner = import_module("tokenizers").Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = parts.ByteLevel(add_prefix_space=False)
    inner.decoder = import_module("tokenizers.decoders").ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token="<|end|>",  # noqa: S106 - a mark in texts
        pad_token="<|pad|>",  # noqa: S106
    )
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


if __name__ == "__main__":
    main(sys.argv[1])
