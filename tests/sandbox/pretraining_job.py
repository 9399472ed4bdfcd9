"""A pre-training job's files in the emulator's S3, for the tests of all that can run it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from sandbox_kit import Clients

GATE = {"gpus": 8, "efa": 4, "nodes_gb_s": 35.0, "node_gb_s": 200.0, "storage_gb_s": 1.0}
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048, "vocab_size": 32000,
    "max_position_embeddings": 4096, "tie_word_embeddings": False, "hidden_act": "silu", "rope_theta": 500000.0,
}  # fmt: skip


@dataclass(frozen=True)
class PretrainingJob:
    """Its place in S3."""

    clients: Clients
    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/pretraining/{self.key}"

    def read(self, name: str) -> Any:
        """A JSON file of the job's; None if it isn't there."""
        return None if name not in self.names() else json.loads(self.content(name))

    def content(self, name: str) -> bytes:
        s3 = self.clients("s3")
        body: bytes = s3.get_object(Bucket=self.bucket, Key=f"pretraining/{self.key}/{name}")["Body"].read()
        return body

    def names(self) -> set[str]:
        """The files below the job's prefix."""
        prefix = f"pretraining/{self.key}/"
        found = self.clients("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return {item["Key"].removeprefix(prefix) for item in found.get("Contents", [])}

    @property
    def state(self) -> str | None:
        status = self.read("status.json")
        return None if status is None else str(status["state"])

    def write(self, name: str, content: str) -> None:
        self.clients("s3").put_object(Bucket=self.bucket, Key=f"pretraining/{self.key}/{name}", Body=content.encode())


def make_pretraining_job(made: Clients, *, nodes: int = 2, allowed: tuple[int, ...] = (2, 1)) -> PretrainingJob:
    """A job whose files are all there; 1000 steps."""
    job = PretrainingJob(made, f"corpus-{secrets.token_hex(4)}", f"{secrets.token_hex(6)}-1")
    made("s3").create_bucket(Bucket=job.bucket)
    described = {
        "key": job.key, "stack": "s", "alias": "a", "framework": "torchtitan", "framework_version": "0.3.0",
        "nodes": nodes, "allowed_nodes": list(allowed), "processes": 8, "steps": 1000, "tokens_per_step": 4096,
        "keep": 2, "gate": GATE, "config": CONFIG,
        "tokenizer": {"source": f"s3://{job.bucket}/tokenizer/", "revision": None},
        "corpus": {"source": f"s3://{job.bucket}/corpus/", "format": "jsonl"},
    }  # fmt: skip
    job.write("code/job.json", json.dumps(described))
    job.write("code/cluster_launch.py", "")
    made("s3").put_object(Bucket=job.bucket, Key="tokenizer/tokenizer.json", Body=b"{}")
    return job
