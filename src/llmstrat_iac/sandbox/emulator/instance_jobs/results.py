"""What a job's own program would leave behind, small: an adapter or weights with a manifest, or models of the hub."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmstrat_iac.trainer.progress import Status
from llmstrat_iac.trainer.result import MANIFEST

_FACTS = ("key", "stack", "alias", "model", "revision", "method", "objective", "adapter", "rank", "data", "trl")


@dataclass(frozen=True)
class Program:
    """What the channel `code` tells of the program: a training (`job.json`), a copy of hub models (`copy.json`), or
    nothing that is known here."""

    files: Mapping[str, bytes]

    def _read(self, name: str) -> dict[str, Any] | None:
        content = self.files.get(name)
        return None if content is None else dict(json.loads(content))

    @property
    def trains(self) -> bool:
        """Whether it is our launcher's."""
        return "job.json" in self.files

    def result(self, status: Status, data: bytes) -> dict[str, bytes]:
        """The files of its output, by name."""
        job, plan = self._read("job.json"), self._read("copy.json")
        if job is not None:
            return trained(job, status, data)
        if plan is not None:
            return {
                f"{model['folder']}/{name}": content
                for model in plan["models"]
                for name, content in _full({"model": model["id"], "revision": model["revision"]}).items()
            }
        return {"model.bin": b"sandbox"}


def trained(job: Mapping[str, Any], status: Status, data: bytes) -> dict[str, bytes]:
    """The output of our launcher's job, by name; `job` is its `job.json`."""
    return {**_weights(job), MANIFEST: _manifest(job, status, data)}


def _weights(job: Mapping[str, Any]) -> dict[str, bytes]:
    if not job.get("adapter"):
        return _full(job)
    base = {"base_model_name_or_path": job["model"], "revision": job["revision"]}
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": job["rank"], **base}
    return {"adapter_config.json": _text(config), "adapter_model.safetensors": safetensors()}


def _full(model: Mapping[str, Any]) -> dict[str, bytes]:
    config = {"architectures": ["LlamaForCausalLM"], "_name_or_path": model["model"]}
    return {"config.json": _text(config), "model.safetensors": safetensors()}


def _manifest(job: Mapping[str, Any], status: Status, data: bytes) -> bytes:
    return _text({
        **{name: job.get(name) for name in _FACTS},
        "files": {"train.jsonl": hashlib.sha256(data).hexdigest()},
        "metrics": status.metrics,
        "steps": status.step,
        "attempts": status.attempt,
        "started": status.started,
        "finished": status.finished,
    })  # fmt: skip


def safetensors() -> bytes:
    """One tensor of one zero: https://huggingface.co/docs/safetensors (length, JSON header, data)."""
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "sandbox": tensor}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


def archive(files: Mapping[str, bytes]) -> bytes:
    """The files as `model.tar.gz`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _text(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2).encode()
