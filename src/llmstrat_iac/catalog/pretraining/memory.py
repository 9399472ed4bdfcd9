"""What one GPU of a cluster holds while a model is trained from scratch (FSDP2, tensor, pipeline and context parallel).

States are sharded in 32 bits, layers gathered in 16, activations kept or computed again, logits made in chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.pretraining.contract import Degrees
from llmstrat_iac.catalog.pretraining.engines import Engine
from llmstrat_iac.catalog.pretraining.workload import Workload
from llmstrat_iac.catalog.sizing.contract import Memory

GIB = 2**30

_ALLOCATOR = 0.05
"""Share of what changes with each step that PyTorch's allocator can't use."""
_CONTEXT_GIB = 1.0
_DIMENSION_GIB = 0.25
"""CUDA, cuBLAS and NCCL; and NCCL's buffers for each further kind of parallelism."""


@dataclass(frozen=True)
class Demand:
    """Bytes of one GPU: what is there whatever the micro batch, and what each of its sequences adds."""

    states: float
    gathered: float
    activations: float
    """Of one sequence."""
    loss: float
    """Of one sequence: what the peak has on top of the activations, of the layer at work or of the logits."""
    context: float

    @property
    def fixed(self) -> float:
        """Without any sequence."""
        return self.states + (1 + _ALLOCATOR) * self.gathered + self.context

    @property
    def each(self) -> float:
        """Of one sequence."""
        return (1 + _ALLOCATOR) * (self.activations + self.loss)


def demand(work: Workload, degrees: Degrees, *, micro_batches: int) -> Demand:
    """Of the fullest GPU: the first stage of a pipeline has the most micro batches, the last the logits."""
    if degrees.pipeline == 1:
        return _stage(work, degrees, first=True, last=True, in_flight=1)
    in_flight: float = min(degrees.pipeline, micro_batches)
    if degrees.interleaved > 1:
        # Its warm-up lets one more round of micro batches in, less what each stage is smaller.
        in_flight += (degrees.pipeline - 1) / degrees.interleaved
    ends = (
        _stage(work, degrees, first=True, last=False, in_flight=in_flight),
        _stage(work, degrees, first=False, last=True, in_flight=1),
    )
    return max(ends, key=lambda each: each.fixed + each.each)


def least(work: Workload, degrees: Degrees) -> float:
    """Bytes that a GPU needs at the very least, whatever its activations and stages: cheap, to rule divisions out."""
    engine, divided = work.run.engine, degrees.tensor * degrees.pipeline
    states = engine.state_bytes * work.parameters / (divided * degrees.data_shard * degrees.context)
    return states + (0.0 if degrees.pipeline == 1 else engine.reduce_bytes * work.held(degrees) / divided)


def gpu_memory(
    work: Workload,
    degrees: Degrees,
    instance: InstanceType,
    *,
    micro_batch: int,
    micro_batches: int,
) -> Memory:
    """The same in GiB and in parts, beside what CUDA offers."""
    needs = demand(work, degrees, micro_batches=micro_batches)
    changing = needs.gathered + micro_batch * (needs.activations + needs.loss)
    parts = {
        "weights, gradients, optimizer": needs.states,
        "gathered layers": needs.gathered,
        "activations": micro_batch * needs.activations,
        "layer at work or logits": micro_batch * needs.loss,
        "allocator": _ALLOCATOR * changing,
        "CUDA and NCCL": needs.context,
    }
    return Memory(tuple((name, size / GIB) for name, size in parts.items()), available=instance.cuda_gib)


def _stage(work: Workload, degrees: Degrees, *, first: bool, last: bool, in_flight: float) -> Demand:
    tensor, compiled, engine = degrees.tensor, work.run.compile, work.run.engine
    layers = work.stage_layers(degrees, engine.outer_layers)
    outer = work.head_parameters * ((first or last) if work.tied else first + last)
    parameters = (layers * work.layer_parameters + outer) / tensor
    mine = parameters - layers * work.others_experts(degrees) / tensor
    shards = degrees.data_shard * degrees.context
    tokens = work.run.sequence_length / degrees.context
    shape = work.run.architecture
    logits = (engine.compiled_logit_bytes if compiled else engine.logit_bytes) * shape.vocab_size / engine.loss_chunks
    # With chunks, the last hidden state and its gradient are whole on each tensor rank, the gradient in 32 bits.
    loss = (logits / tensor + 3 * work.hidden_bytes) if last else 0.0
    again = 0.0 if degrees.activations == "keep" else work.layer_bytes
    # Tensor ranks hold, whole, what attention and feed-forward take in, its gradients, and one output to be reduced.
    working = (again + work.working_bytes) / tensor + (5 * work.hidden_bytes if tensor > 1 else 0)
    dimensions = sum(each > 1 for each in (degrees.data_replicate, tensor, degrees.pipeline, degrees.context))
    return Demand(
        states=engine.state_bytes * parameters / shards,
        gathered=_gathered(work, degrees, engine, mine, last=last),
        activations=tokens * in_flight * layers * work.kept_bytes[degrees.activations] / tensor,
        loss=tokens * max(working, loss),
        context=(_CONTEXT_GIB + _DIMENSION_GIB * dimensions) * GIB,
    )


def _gathered(work: Workload, degrees: Degrees, engine: Engine, parameters: float, *, last: bool) -> float:
    """Two layers and the output layer in 16 bits, gradients of one in 16 and 32; a pipeline keeps its stages whole.

    With a pipeline nothing is given back between micro batches but beyond `active_stages`, and gradients add up in 32
    bits until the last one. `parameters` are those of the GPU's stages, without the experts of other ranks.
    """
    reducing = engine.gather_bytes + engine.reduce_bytes
    layer = work.layer_parameters - work.others_experts(degrees)
    if degrees.pipeline > 1:
        active = min(1.0, engine.active_stages / degrees.interleaved)
        return (engine.gather_bytes * active + engine.reduce_bytes) * parameters + reducing * layer / degrees.tensor
    head = work.head_parameters if last else 0
    gathered = 2 * engine.gather_bytes * layer + engine.gather_bytes * head
    return (gathered + reducing * max(layer, head)) / degrees.tensor
