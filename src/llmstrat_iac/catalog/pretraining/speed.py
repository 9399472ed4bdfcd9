"""How long an optimizer step takes: matrix products, attention, memory traffic, and the network that isn't hidden.

A roofline with few constants: shares of the peak by GPU (`accelerators.csv`), the trainer's habits (`engines`), and
the shares of a link that collectives reach. `docs/pretraining-planner.md` says how near it comes to published runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.pretraining.accelerators import TrainingGpu
from llmstrat_iac.catalog.pretraining.contract import Degrees
from llmstrat_iac.catalog.pretraining.engines import Engine
from llmstrat_iac.catalog.pretraining.workload import Workload

MEMORY_SHARE = 0.85
"""Of the memory's bandwidth."""
LINK_SHARE = 0.75
"""Of NVLink or PCIe, by collectives over large messages."""
NETWORK_SHARE = 0.75
"""Of the network's line rate: NCCL over EFA reaches 0.7 to 0.95 of it (floors of the acceptance gate: 0.7)."""
OVERLAP = 0.8
"""Share of the computing behind which gathering and reducing can hide."""
LEAST_EXPOSED = 0.3
"""Share of it that never hides: first and last exchange, and the memory and cores that it takes from computing."""
HOP_SECONDS = 12e-6
"""Of a collective, for each node that it goes around."""
CONTEXT_ATTENTION = 0.6
"""What is left of attention's speed when a sequence is spread over several GPUs."""


@dataclass(frozen=True)
class Step:
    """Seconds of an optimizer step, by what they are spent on."""

    compute: float
    stages: float
    """Activations on their way from stage to stage."""
    tensor: float
    """Communication of tensor parallelism, which waits."""
    experts: float
    """Tokens on their way to their experts and back, which waits."""
    sharding: float
    """Gathering and reducing that isn't hidden."""
    bubble: float
    """Waiting for a pipeline to fill and drain."""
    optimizer: float

    @property
    def seconds(self) -> float:
        """All of them."""
        waits = self.stages + self.tensor + self.experts + self.sharding + self.bubble
        return self.compute + waits + self.optimizer


def step_time(
    work: Workload,
    degrees: Degrees,
    instance: InstanceType,
    gpu: TrainingGpu,
    *,
    micro_batch: int,
) -> Step:
    """Of `degrees.gpus` GPUs of an instance type."""
    run, engine = work.run, work.run.engine
    micro_batches = run.batch_sequences // (degrees.data * micro_batch)
    tokens = micro_batch * run.sequence_length / degrees.context
    layers = work.stage_layers(degrees, engine.outer_layers)
    compute = max(
        _compute(work, degrees, gpu, tokens, layers, engine),
        layers * (engine.compiled_launch_seconds if run.compile else engine.launch_seconds),
    )
    tensor = engine.tensor_exposed * _tensor(work, degrees, gpu, tokens, layers)
    attention = _ring(work, degrees, instance, gpu, tokens, layers)
    stages = _stages(work, degrees, instance, tokens)
    experts = _experts(work, degrees, instance, gpu, tokens, layers)
    micro = compute + attention + tensor + stages + experts
    sharding = _sharding(work, degrees, instance, gpu, engine, micro, micro_batches)
    shards = degrees.data_shard * degrees.context * degrees.tensor * degrees.pipeline
    return Step(
        compute=micro_batches * (compute + attention),
        stages=micro_batches * stages,
        tensor=micro_batches * tensor,
        experts=micro_batches * experts,
        sharding=sharding,
        bubble=(degrees.pipeline - 1) / degrees.interleaved * micro,
        # AdamW reads weight, gradient and both moments and writes three of them, in 32 bits.
        optimizer=28 * work.parameters / shards / (gpu.bandwidth_gb_s * 1e9 * MEMORY_SHARE),
    )


def _compute(work: Workload, degrees: Degrees, gpu: TrainingGpu, tokens: float, layers: int, engine: Engine) -> float:
    """Of one micro batch on one GPU. Flash attention computes its scores again backward: 3.5 forward passes, not 3."""
    run, again = work.run, degrees.activations
    passes = engine.compiled_passes if run.compile else engine.passes
    gain = engine.fp8_gain if run.precision == "fp8" else 1.0
    attention_share = gpu.attention_share * (CONTEXT_ATTENTION if degrees.context > 1 else 1.0)
    memory = gpu.bandwidth_gb_s * 1e9 * MEMORY_SHARE
    layer = (
        work.matmul_flops * (1 + work.recomputed[again] / 3) / (gpu.peak * gpu.matmul_share * gain)
        + work.attention_flops * (3.5 + (again == "full")) / 3 / (gpu.peak * attention_share)
        + work.layer_bytes * passes * (1 if again == "keep" else 4 / 3) / memory
    )
    vocabulary = run.architecture.vocab_size
    head = work.head_flops / (gpu.peak * gpu.matmul_share) + 2 * engine.logit_bytes * vocabulary / memory
    return tokens / degrees.tensor * (layers * layer + head / degrees.pipeline)


def _stages(work: Workload, degrees: Degrees, instance: InstanceType, tokens: float) -> float:
    """Forward and backward, over each GPU's share of the network, once for each of its stages."""
    if degrees.pipeline == 1:
        return 0.0
    share = network_gb_s(instance) * 1e9 / instance.accelerators
    return 2 * degrees.interleaved * tokens * work.hidden_bytes / degrees.tensor / share


def _tensor(work: Workload, degrees: Degrees, gpu: TrainingGpu, tokens: float, layers: int) -> float:
    """Two gathers and two reductions of the residual stream forward, as many backward, and those computed again."""
    if degrees.tensor == 1:
        return 0.0
    times = 8 + {"keep": 0, "selective": 2, "full": 4}[degrees.activations]
    share = (degrees.tensor - 1) / degrees.tensor
    return layers * times * tokens * work.hidden_bytes * share / (gpu.link_gb_s * 1e9 * LINK_SHARE)


def _ring(
    work: Workload, degrees: Degrees, instance: InstanceType, gpu: TrainingGpu, tokens: float, layers: int
) -> float:
    """Keys and values that go around, forward and twice backward, beyond what attention hides."""
    if degrees.context == 1:
        return 0.0
    inside = degrees.tensor * degrees.context <= instance.accelerators
    link = gpu.link_gb_s * LINK_SHARE if inside else network_gb_s(instance) / instance.accelerators
    moved = 3 * tokens * work.kv_bytes / degrees.tensor * (degrees.context - 1)
    attention = tokens / degrees.tensor * work.attention_flops * 3.5 / 3 / (gpu.peak * gpu.attention_share)
    return layers * max(0.0, moved / (link * 1e9) - attention)


def _experts(
    work: Workload, degrees: Degrees, instance: InstanceType, gpu: TrainingGpu, tokens: float, layers: int
) -> float:
    """Each token's state to each of its experts and back, forward and backward, and forward again if all is computed
    again. A rank talks to its node over its links, to others over its share of the network."""
    if degrees.expert == 1:
        return 0.0
    local = min(degrees.expert, instance.accelerators // degrees.tensor)
    sent = (6 if degrees.activations == "full" else 4) * tokens / degrees.tensor * work.routed_bytes
    inside = sent * (local - 1) / degrees.expert / (gpu.link_gb_s * 1e9 * LINK_SHARE)
    outside = sent * (1 - local / degrees.expert) / (network_gb_s(instance) * 1e9 / instance.accelerators)
    return layers * max(inside, outside)


def network_gb_s(instance: InstanceType) -> float:
    """What collectives reach between nodes, GB/s for a node."""
    return instance.network_gbps / 8 * NETWORK_SHARE


def _sharding(
    work: Workload,
    degrees: Degrees,
    instance: InstanceType,
    gpu: TrainingGpu,
    engine: Engine,
    micro: float,
    micro_batches: int,
) -> float:
    """Of a step. A pipeline gathers and reduces once, all others with every micro batch."""
    once = degrees.pipeline > 1 or not engine.syncs_micro_batches
    gathers = 1 if once else engine.gathers
    taken = _collectives(work, degrees, instance, gpu, gathers * engine.gather_bytes, engine.reduce_bytes)
    if not once:
        return micro_batches * _exposed(taken, behind=micro)
    stages = degrees.interleaved
    # What one exchange a step has to hide behind: the first micro batch forward and the last backward. Of interleaved
    # stages that is so for the first to be gathered and the last to be reduced; the others are gathered ahead.
    first = _exposed(taken / stages, behind=micro / stages)
    rest = taken * (stages - 1) / stages
    if stages > engine.active_stages:
        again = _collectives(work, degrees, instance, gpu, engine.gather_bytes, 0)
        rest += (2 * micro_batches / degrees.pipeline - 1) * again
    return first + _exposed(rest, behind=(micro_batches - 1) * micro)


def _exposed(taken: float, *, behind: float) -> float:
    return max(taken - OVERLAP * behind, LEAST_EXPOSED * taken)


def _collectives(
    work: Workload, degrees: Degrees, instance: InstanceType, gpu: TrainingGpu, gathered: float, reduced: float
) -> float:
    """Seconds on the busiest link: a node takes in its stage's parameters once, whichever of its GPUs wants them.

    Of divided experts a GPU takes in its own, a node those of all its GPUs.
    """
    stage = work.parameters / degrees.pipeline
    shards, expert = degrees.data_shard * degrees.context, degrees.expert
    local = max(1, min(shards, instance.accelerators // degrees.tensor))
    nodes = shards // local
    link, network = gpu.link_gb_s * 1e9 * LINK_SHARE, network_gb_s(instance) * 1e9
    experts = work.layers * work.expert_parameters / degrees.pipeline
    inside = (stage - experts) * (shards - 1) / shards + experts * (1 / expert - 1 / shards)
    between = (stage - experts) * (nodes - 1) / nodes
    between += experts * min(expert, local) * (1 / expert - max(1.0, local / expert) / shards)
    inside *= (gathered + reduced) / degrees.tensor / link
    between *= (gathered + reduced) / network
    hops = 3 * work.layers / degrees.pipeline * HOP_SECONDS * (nodes if nodes > 1 else 0)
    replicas = degrees.data_replicate
    if replicas > 1:
        # Each shard is summed over the replicas, there and back.
        share = 2 * reduced * stage * (replicas - 1) / replicas
        if replicas * shards * degrees.tensor > instance.accelerators:
            between += share * instance.accelerators / (degrees.tensor * shards) / network
        else:
            inside += share / (degrees.tensor * shards) / link
    return max(inside, between) + hops
