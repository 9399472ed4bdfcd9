"""Loads a tiny mixture of experts in 4 bits, and one published in mxfp4. Runs in the trainer's environment.

Usage: load_experts.py FOLDER, an empty one. Prints the types of a layer's weights, and what is said of mxfp4.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, MixtralConfig, MixtralForCausalLM

FOUR_BITS = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")


def load(folder: Path) -> dict[str, str]:
    """The type of each weight of the first layer."""
    model = AutoModelForCausalLM.from_pretrained(folder, quantization_config=FOUR_BITS, dtype=torch.bfloat16)
    return {name: type(value).__name__ for name, value in model.named_parameters() if ".layers.0." in name}


def refusal(folder: Path) -> str:
    """What loading says, once the weights' configuration claims that they are in mxfp4."""
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "mxfp4"}
    (folder / "config.json").write_text(json.dumps(config))
    try:
        load(folder)
    except ValueError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    place = Path(sys.argv[1])
    shape = MixtralConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_local_experts=4,
        vocab_size=256,
    )
    MixtralForCausalLM(shape).save_pretrained(place)
    sys.stdout.write("\n" + json.dumps({"types": load(place), "mxfp4": refusal(place)}))
