"""What vLLM tells Prometheus, as far as scaling and dashboards read it: gauges of the queue, counters of tokens.

Names as in vLLM 0.33's `v1/metrics/loggers.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_HELP = {
    "vllm:num_requests_running": ("gauge", "Number of requests in model execution batches."),
    "vllm:num_requests_waiting": ("gauge", "Number of requests waiting to be processed."),
    "vllm:kv_cache_usage_perc": ("gauge", "KV-cache usage. 1 means 100 percent usage."),
    "vllm:prompt_tokens_total": ("counter", "Number of prefill tokens processed."),
    "vllm:generation_tokens_total": ("counter", "Number of generation tokens processed."),
    "vllm:request_success_total": ("counter", "Count of successfully processed requests."),
}


@dataclass
class Load:
    """How busy an engine is and how much it has done. The stand-in never lets a request wait."""

    context: int
    running: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    succeeded: int = 0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while it is answered."""
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    def finished(self, prompt_tokens: int, generated_tokens: int) -> None:
        """Count an answer that has been given in full."""
        self.prompt_tokens += prompt_tokens
        self.generated_tokens += generated_tokens
        self.succeeded += 1

    def exposition(self, name: str) -> str:
        """All of it in Prometheus's text format."""
        values = (
            self.running,
            self.waiting,
            min(1.0, self.running / 64),
            self.prompt_tokens,
            self.generated_tokens,
            self.succeeded,
        )
        lines = []
        for (metric, (kind, text)), value in zip(_HELP.items(), values, strict=True):
            family = metric.removesuffix("_total")
            lines += [f"# HELP {family} {text}", f"# TYPE {family} {kind}"]
            lines.append(f'{metric}{{engine="0",model_name="{name}"}} {float(value)}')
        return "\n".join(lines) + "\n"
