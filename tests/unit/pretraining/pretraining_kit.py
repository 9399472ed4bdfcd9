"""Resolved pre-trainings on a cluster of one's choice, whatever the planner would choose."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.catalog.instances import find_instance
from llmstrat_iac.catalog.open_models import architecture_of
from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Degrees, Search, Span
from llmstrat_iac.catalog.sizing.contract import Memory
from llmstrat_iac.pretraining import ResolvedPretraining, Trainer
from llmstrat_iac.runtimes.ec2 import llmstrat_runtimes
from llmstrat_iac.spec.pretraining import ClusterBlock, CorpusBlock, ModelShape, TokenizerBlock, TrainerBlock
from llmstrat_iac.trainers.torchtitan import llmstrat_trainers

KEY = "0123456789ab-1"
SMALL = {
    "layers": 2,
    "hidden_size": 64,
    "attention_heads": 4,
    "kv_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 256,
    "max_context": 256,
}


def planned(
    instance: str = "p5.48xlarge",
    nodes: int = 4,
    *,
    headroom: float = 30.0,
    micro_batch: int = 1,
    checkpoint_steps: int = 250,
    **degrees: Any,
) -> ClusterPlan:
    """A cluster of these nodes; all GPUs shard what no degree says."""
    known = find_instance(instance)
    assert known is not None, instance
    fixed = {"data_replicate": 1, "tensor": 1, "pipeline": 1, "context": 1, "activations": "selective", **degrees}
    used = fixed["data_replicate"] * fixed["tensor"] * fixed["pipeline"] * fixed["context"]
    span = Span(1.0, 1.0, 1.0)
    return ClusterPlan(
        instance=known,
        nodes=nodes,
        degrees=Degrees(data_shard=nodes * known.accelerators // used, **fixed),
        micro_batch=micro_batch,
        memory=Memory((("state", 40.0),), 40.0 + headroom),
        tokens_per_second=span,
        tflops_per_gpu=span,
        mfu=span,
        days=span,
        checkpoint_gib=1.0,
        checkpoint_seconds=1.0,
        checkpoint_steps=checkpoint_steps,
        failures=span,
        lost_days=span,
        usd_per_hour=1.0,
        usd=span,
        energy=None,
        assumptions=(),
    )


def resolve_pretraining(
    plan: ClusterPlan | None = None,
    *,
    shape: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
    framework: Trainer | None = None,
    **trainer: Any,
) -> ResolvedPretraining:
    """A run of this shape and trainer, on that cluster."""
    model = ModelShape.model_validate({"shape": {**SMALL, **(shape or {})}})
    assert model.shape is not None
    framework = framework or next(iter(llmstrat_trainers()))
    sizes = {"batch_sequences": 512, "sequence_length": 128, "tokens": 512 * 128 * 1000}
    block = {"framework": framework.name, **sizes, **trainer}
    pretraining = ResolvedPretraining(
        shape=model,
        architecture=architecture_of(model.shape),
        tokenizer=TokenizerBlock.model_validate({"source": "s3://texts/tokenizer/"}),
        corpus=CorpusBlock.model_validate({"source": "s3://texts/corpus/", "tokens": "1B"}),
        trainer=TrainerBlock.model_validate(block),
        cluster=ClusterBlock.model_validate({"runtime": "ec2", **(cluster or {})}),
        runtime=next(iter(llmstrat_runtimes())),
        options=None,
        framework=framework,
        framework_options=framework.options.model_validate(block.get("options", {})),
        stack_name="own-model-dev",
        region="us-east-1",
        alias="own-model",
    )
    # Where `cached_property` keeps what the planner has found.
    pretraining.__dict__["search"] = Search(plan or planned(), (), ())
    return pretraining
