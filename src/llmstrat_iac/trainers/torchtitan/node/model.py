"""torchtitan's configuration for a shape of one's own, by its public parts (0.3.0): what `titan_config.py` calls.

The shape is Llama's; initial values and optimizer are those of torchtitan's own llama3 configurations.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn
from torchtitan.components.loss import ChunkedLossWrapper, CrossEntropyLoss
from torchtitan.components.optimizer import LRSchedulersContainer, default_adamw
from torchtitan.components.quantization import Float8LinearConverter
from torchtitan.distributed.activation_checkpoint import FullAC, SelectiveAC
from torchtitan.distributed.pipeline_parallel import pipeline_llm
from torchtitan.models.common import ComplexRoPE, Embedding, Linear, RMSNorm
from torchtitan.models.common.config_utils import get_attention_config, make_ffn_config, make_gqa_config
from torchtitan.models.common.param_init import depth_scaled_std, skip_param_init
from torchtitan.models.llama3 import Llama3Model, Llama3StateDictAdapter, parallelize_llama
from torchtitan.models.llama3.model import Llama3TransformerBlock
from torchtitan.protocols.model_spec import ModelSpec

from .data import corpus_loader
from .job import ClusterTrainer, Progress

_ACTIVATIONS = {"keep": None, "selective": SelectiveAC.Config, "full": FullAC.Config}
_ONES = {"weight": nn.init.ones_}


def trainer_config(
    shape: dict[str, Any], *, precision: str, activations: str, learning_rate: float
) -> ClusterTrainer.Config:
    """What torchtitan's command line then completes."""
    recompute = _ACTIVATIONS[activations]
    return ClusterTrainer.Config(
        model_spec=model_spec(shape, fp8=precision == "fp8"),
        loss=ChunkedLossWrapper.Config(loss_fn=CrossEntropyLoss.Config(global_vocab_size=shape["vocab_size"])),
        optimizer=default_adamw(lr=learning_rate),
        lr_scheduler=LRSchedulersContainer.Config(),
        dataloader=corpus_loader(),
        metrics=Progress.Config(),
        activation_checkpoint=None if recompute is None else recompute(),
    )


def model_spec(shape: dict[str, Any], *, fp8: bool = False) -> ModelSpec:
    """The model and how torchtitan parallelizes and converts it."""
    config = model_config(shape)
    if fp8:
        # The output layer's gradients are too small for eight bits.
        converter = Float8LinearConverter.Config(filter_fqns=["lm_head"], model_compile_enabled=True)
        config = converter.build().convert(config)
    return ModelSpec(
        name="llama3",
        flavor="llmstrat",
        model=config,
        parallelize_fn=parallelize_llama,
        pipelining_fn=pipeline_llm,
        post_optimizer_build_fn=None,
        state_dict_adapter=Llama3StateDictAdapter,
    )


def model_config(shape: dict[str, Any]) -> Llama3Model.Config:
    """The model's shape."""
    width, vocabulary, tied = shape["hidden_size"], shape["vocab_size"], shape["tied_embeddings"]
    rope = ComplexRoPE.Config(dim=shape["head_dim"], max_seq_len=shape["context"], theta=shape["rope_theta"])
    deviation = width**-0.5
    output = {"weight": partial(nn.init.trunc_normal_, std=deviation, a=-3 * deviation, b=3 * deviation)}
    embedding = skip_param_init if tied else partial(nn.init.normal_, std=1.0)
    return Llama3Model.Config(
        dim=width,
        vocab_size=vocabulary,
        enable_weight_tying=tied,
        tok_embeddings=Embedding.Config(
            num_embeddings=vocabulary, embedding_dim=width, param_init={"weight": embedding}
        ),
        norm=RMSNorm.Config(normalized_shape=width, param_init=_ONES),
        lm_head=Linear.Config(in_features=width, out_features=vocabulary, param_init=output),
        layers=[_layer(shape, number, rope) for number in range(shape["layers"])],
    )


def _layer(shape: dict[str, Any], number: int, rope: ComplexRoPE.Config) -> Llama3TransformerBlock.Config:
    width = shape["hidden_size"]
    into = {"weight": partial(nn.init.trunc_normal_, std=0.02), "bias": nn.init.zeros_}
    out_of = {"weight": partial(nn.init.trunc_normal_, std=depth_scaled_std(0.02, number)), "bias": nn.init.zeros_}
    return Llama3TransformerBlock.Config(
        attention_norm=RMSNorm.Config(normalized_shape=width, param_init=_ONES),
        ffn_norm=RMSNorm.Config(normalized_shape=width, param_init=_ONES),
        attention=make_gqa_config(
            dim=width,
            n_heads=shape["attention_heads"],
            n_kv_heads=shape["kv_heads"],
            head_dim=shape["head_dim"],
            wqkv_param_init=into,
            wo_param_init=out_of,
            inner_attention=get_attention_config("flex"),
            fuse_qkv=True,
            rope=rope,
        ),
        feed_forward=make_ffn_config(
            dim=width, hidden_dim=shape["intermediate_size"], w1_param_init=into, w2w3_param_init=out_of
        ),
    )
