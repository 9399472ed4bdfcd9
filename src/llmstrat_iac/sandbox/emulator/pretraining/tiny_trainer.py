"""What real nodes train in the sandbox: a tiny Llama in plain torch, sharded over CPUs, on the corpus's bytes.

Started by torchrun in the cluster's Python, where nothing of llmstrat_iac is: `tiny_trainer train STEPS CHECKPOINTS`.
As the job's `export` it is `tiny_trainer export STEP_FOLDER TARGET`. It speaks as `cluster.events` says.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.nn import functional

_BATCH, _LENGTH = 4, 32
_STEP_SECONDS = 0.2
"""So that somebody who looks sees it train."""


class Attention(nn.Module):  # type: ignore[misc]  # torch isn't installed where this is checked
    """Llama's, without a cache."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        size = config["hidden_size"]
        self.heads = config["num_attention_heads"]
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(size, size, bias=False) for _ in range(4))
        self.theta = float(config.get("rope_theta") or 10_000)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        batch, length, size = states.shape
        shape = (batch, length, self.heads, size // self.heads)
        query, key, value = (
            project(states).view(shape).transpose(1, 2) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = self._turn(query), self._turn(key)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        found: torch.Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, size))
        return found

    def _turn(self, states: torch.Tensor) -> torch.Tensor:
        width, length = states.shape[-1], states.shape[-2]
        speeds = self.theta ** (-torch.arange(0, width, 2) / width)
        angles = torch.outer(torch.arange(length), speeds).repeat(1, 2)
        first, second = states.chunk(2, -1)
        return states * angles.cos() + torch.cat((-second, first), -1) * angles.sin()


class Layer(nn.Module):  # type: ignore[misc]  # torch isn't installed where this is checked
    """Attention and a gated network, each with its norm before it."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        size, inner = config["hidden_size"], config["intermediate_size"]
        self.input_layernorm, self.post_attention_layernorm = (nn.RMSNorm(size, eps=1e-5) for _ in range(2))
        self.self_attn = Attention(config)
        self.mlp = nn.ModuleDict({
            "gate_proj": nn.Linear(size, inner, bias=False),
            "up_proj": nn.Linear(size, inner, bias=False),
            "down_proj": nn.Linear(inner, size, bias=False),
        })  # fmt: skip

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        states = states + self.self_attn(self.input_layernorm(states))
        inner = self.post_attention_layernorm(states)
        gated = functional.silu(self.mlp["gate_proj"](inner)) * self.mlp["up_proj"](inner)
        return states + self.mlp["down_proj"](gated)


class Llama(nn.Module):  # type: ignore[misc]  # torch isn't installed where this is checked
    """Parameters have the names that Hugging Face gives them."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        size, words = config["hidden_size"], config["vocab_size"]
        layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(words, size), "layers": layers, "norm": nn.RMSNorm(size, eps=1e-5),
        })  # fmt: skip
        nn.init.normal_(self.model["embed_tokens"].weight, std=0.02)
        self.tied = bool(config.get("tie_word_embeddings"))
        if not self.tied:
            self.lm_head = nn.Linear(size, words, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        states = self.model["embed_tokens"](tokens)
        for layer in self.model["layers"]:
            states = layer(states)
        states = self.model["norm"](states)
        head = self.model["embed_tokens"].weight if self.tied else self.lm_head.weight
        logits: torch.Tensor = functional.linear(states, head)
        return logits


def event(kind: str, step: int, **more: float) -> None:
    """Tell the launcher."""
    with Path(os.environ["LLMSTRAT_EVENTS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": kind, "step": step, **more}) + "\n")


def batch(words: int, step: int) -> torch.Tensor:
    """Bytes of the corpus, the same for a step on any number of nodes."""
    files = sorted(path for path in Path(os.environ["LLMSTRAT_CORPUS"]).rglob("*") if path.is_file())
    text = b"".join(path.read_bytes() for path in files)[:65_536] or b"sandbox "
    text *= (_BATCH * (_LENGTH + 1)) // len(text) + 1
    chance = torch.Generator().manual_seed(step)
    starts = torch.randint(0, len(text) - _LENGTH, (_BATCH,), generator=chance)
    return torch.tensor([list(text[start : start + _LENGTH + 1]) for start in starts.tolist()]) % words


def train(config: dict[str, Any], steps: int, marks: set[int]) -> None:
    """From the newest checkpoint to the last step, or until told to stop."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    distributed.init_process_group("gloo")
    torch.manual_seed(7)
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    model = Llama(config)
    fully_shard(model, mesh=init_device_mesh("cpu", (distributed.get_world_size(),)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    root, step = Path(os.environ["LLMSTRAT_CHECKPOINTS"]), 0
    found = sorted(int(path.parent.name.partition("-")[2]) for path in root.glob("step-*/.metadata"))
    if found:
        step = _load(model, optimizer, root / f"step-{found[-1]}")
    began, first, stopped = time.monotonic(), step, False
    while step < steps and not stopped:
        step += 1
        time.sleep(_STEP_SECONDS)
        tokens = batch(config["vocab_size"], step)
        loss = functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        flag = torch.tensor([len(told)])
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        stopped = bool(flag.item())
        if distributed.get_rank() == 0:
            speed = (step - first) * tokens.numel() / (time.monotonic() - began)
            event("step", step, loss=float(loss.detach()), tokens_per_second=speed)
        if step in marks or step == steps or stopped:
            checkpoint.save(_state(model, optimizer, step), checkpoint_id=str(root / f"step-{step}"))
    if int(os.environ["LOCAL_RANK"]) == 0:
        event("stopped" if stopped and step < steps else "end", step)
    distributed.destroy_process_group()


def _state(model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> dict[str, Any]:
    weights, moments = get_state_dict(model, optimizer)
    return {"model": weights, "optimizer": moments, "step": torch.tensor(step)}


def _load(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> int:
    state = _state(model, optimizer, 0)
    checkpoint.load(state, checkpoint_id=str(folder))
    set_state_dict(model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"])
    return int(state["step"])


def export(config: dict[str, Any], source: Path, target: Path) -> None:
    """A checkpoint as Hugging Face's weights."""
    from safetensors.torch import save_file

    state = Llama(config).state_dict()
    checkpoint.load({"model": state}, checkpoint_id=str(source), no_dist=True)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, str(target / "model.safetensors"))


if __name__ == "__main__":
    job = json.loads(Path(os.environ["LLMSTRAT_JOB"]).read_text(encoding="utf-8"))
    if sys.argv[1] == "train":
        total = int(sys.argv[2])
        train(job["config"], total, {total * part // int(sys.argv[3]) for part in range(1, int(sys.argv[3]))})
    else:
        export(job["config"], Path(sys.argv[2]), Path(sys.argv[3]))
