"""How fast an instance serves or trains an open model, and so what a million tokens or a training run costs.

Estimates between a low and a high figure: the GPU's data sheet, times the share of it that public benchmarks reached
(`docs/sizing.md` says which, and how far off these are). None where the GPU's speed isn't known.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmstrat_iac.catalog.sizing.contract import Fit, ServingNeed, TrainingNeed
from llmstrat_iac.catalog.sizing.weights import BITS, MXFP4_BITS


@dataclass(frozen=True)
class Range:
    """An estimate: it is expected to be between the two."""

    low: float
    high: float


DECODE_BANDWIDTH = Range(0.5, 0.85)
"""Share of the memory's bandwidth that generating reaches."""
PREFILL = Range(0.3, 0.6)
"""Share of the peak that reading the prompt reaches."""
TRAINING = Range(0.3, 0.65)
"""The same for training, recomputed layers counted."""
TRAINING_QUANTIZED = Range(0.25, 0.62)
"""The same where weights are unpacked from 4 bits before each use."""
UNLINKED = 0.5
"""What is left of it if weights are gathered from other GPUs over PCIe rather than NVLink, at the low end."""


def serving_tokens_per_second(
    need: ServingNeed,
    fit: Fit,
    *,
    concurrency: int | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
) -> Range | None:
    """Output tokens a second of one replica that answers `concurrency` requests at once, theirs read first.

    Generating a token reads all weights that it meets and the cache of its sequence once for the whole batch, unless
    multiplying takes longer (arXiv:2211.05102 section 2). Without figures a request reads half of the context and
    writes a quarter of it.
    """
    at_once = concurrency or need.concurrency
    reads = need.context // 2 if input_tokens is None else input_tokens
    writes = max(1, need.context // 4 if output_tokens is None else output_tokens)
    prefill = prefill_tokens_per_second(need, fit)
    if prefill is None or fit.instance.bandwidth_gb_s is None:
        return None
    rates = []
    for bandwidth, peak, read in (
        (DECODE_BANDWIDTH.low, PREFILL.low, prefill.low),
        (DECODE_BANDWIDTH.high, PREFILL.high, prefill.high),
    ):
        step = max(
            _bytes_a_step(need, at_once, reads + writes / 2)
            / (fit.gpus * fit.instance.bandwidth_gb_s * 1e9 * bandwidth),
            2 * need.architecture.active_parameters * at_once / (_flops(fit) * peak),
        )
        rates.append(at_once * writes / (at_once * reads / read + writes * step))
    return Range(*rates)


def prefill_tokens_per_second(need: ServingNeed, fit: Fit) -> Range | None:
    """Input tokens a second of one replica: two operations a parameter and token (arXiv:2001.08361 section 2.1)."""
    if fit.instance.tflops is None:
        return None
    per_token = 2 * need.architecture.active_parameters
    return Range(_flops(fit) * PREFILL.low / per_token, _flops(fit) * PREFILL.high / per_token)


def training_tokens_per_second(need: TrainingNeed, fit: Fit) -> Range | None:
    """Tokens a second that all GPUs train on together.

    Two operations a parameter and token forward, two more because layers are computed again, two for the gradients of
    activations, and, of weights that are trained, two for theirs (arXiv:2001.08361 section 2.1): 8 in all for `full`,
    6 with an adapter. Preference training reads each pair with the reference model as well.
    """
    if fit.instance.tflops is None:
        return None
    operations = (8 if need.method == "full" else 6) + (2 if need.pairs else 0)
    reached = TRAINING_QUANTIZED if need.method == "qlora" else TRAINING
    slowed = UNLINKED if fit.sharded and "SXM" not in fit.instance.accelerator else 1.0
    rate = _flops(fit) / (operations * need.architecture.active_parameters)
    return Range(rate * reached.low * slowed, rate * reached.high)


def training_hours(need: TrainingNeed, fit: Fit, *, tokens: float) -> Range | None:
    """Hours for `tokens` of all epochs together, padding included, start-up not."""
    speed = training_tokens_per_second(need, fit)
    return None if speed is None else Range(tokens / speed.high / 3600, tokens / speed.low / 3600)


def usd_per_million_tokens(usd_per_hour: float, speed: Range) -> Range:
    """Of a replica that is busy all the time."""
    return Range(usd_per_hour / 3600 / speed.high * 1e6, usd_per_hour / 3600 / speed.low * 1e6)


def _flops(fit: Fit) -> float:
    return fit.gpus * (fit.instance.tflops or 0) * 1e12


def _bytes_a_step(need: ServingNeed, at_once: int, context: float) -> float:
    """Weights that at least one sequence meets, each once, and the cache of every sequence."""
    shape = need.architecture
    bits = BITS[need.quantization] if shape.published_format == "16-bit" else MXFP4_BITS
    weights = shape.parameters - (0 if shape.tied_embeddings else shape.embedding_parameters / 2)
    if shape.experts:
        unmet = (1 - shape.experts_at_once / shape.experts) ** at_once
        weights -= unmet * shape.expert_parameters
    return weights * bits / 8 + at_once * context * shape.kv_bytes_per_token
