"""A trainer for the launcher to start: a small sharded model in plain torch, on the CPU, with real checkpoints.

Whatever the number of nodes, it does the same steps on the same data, so that a run that was interrupted, or went on
with fewer nodes, must end with the same weights as one that wasn't.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
from torch import distributed, nn
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

WIDTH, BATCH, EVERY = 24, 12, 5
KEEP = 3


def event(kind: str, step: int, **more: float) -> None:
    with Path(os.environ["LLMSTRAT_EVENTS"]).open("a") as file:
        file.write(json.dumps({"event": kind, "step": step, **more}) + "\n")


class Tiny:
    def __init__(self) -> None:
        torch.manual_seed(7)
        self.model = nn.Sequential(nn.Linear(WIDTH, 48), nn.Tanh(), nn.Linear(48, 1)).double()
        self.mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
        fully_shard(self.model, mesh=self.mesh)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-2)
        self.step = 0
        self.told = False
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "told", True))

    def state(self) -> dict[str, object]:
        model, optimizer = get_state_dict(self.model, self.optimizer)
        return {"model": model, "optimizer": optimizer, "step": torch.tensor(self.step)}

    def load(self, root: Path) -> None:
        steps = sorted(int(path.parent.name.split("-")[1]) for path in root.glob("step-*/.metadata"))
        if steps:
            state = self.state()
            checkpoint.load(state, checkpoint_id=str(root / f"step-{steps[-1]}"))
            set_state_dict(
                self.model, self.optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"]
            )
            self.step = int(state["step"])

    def save(self, root: Path) -> None:
        checkpoint.save(self.state(), checkpoint_id=str(root / f"step-{self.step}"))

    def train_step(self) -> float:
        self.step += 1
        examples = torch.randn(BATCH, WIDTH, dtype=torch.double, generator=torch.Generator().manual_seed(self.step))
        world, rank = distributed.get_world_size(), distributed.get_rank()
        mine = examples.chunk(world)[rank]
        loss = (self.model(mine) - mine.sum(1, keepdim=True).sin()).square().mean()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        whole = loss.detach() / world
        distributed.all_reduce(whole)
        return float(whole)

    def agreed(self) -> bool:
        flag = torch.tensor([int(self.told)])
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag.item())


def main() -> None:
    steps, pause = int(sys.argv[1]), float(sys.argv[2])
    distributed.init_process_group("gloo")
    tiny = Tiny()
    root = Path(os.environ["LLMSTRAT_CHECKPOINTS"])
    tiny.load(root)
    began, first = time.monotonic(), tiny.step
    if os.environ.get("TINY_FAILS") == os.environ["LLMSTRAT_HOST"]:
        raise RuntimeError("out of memory, with hf_ABCDEFGHIJKLMNOP in the message")
    stuck = os.environ.get("TINY_STICKS") == "1"
    stopped = False
    while tiny.step < steps and not stopped:
        time.sleep(3600 if stuck else pause)
        loss = tiny.train_step()
        if distributed.get_rank() == 0:
            speed = (tiny.step - first) * BATCH / (time.monotonic() - began)
            event("step", tiny.step, loss=loss, tokens_per_second=speed)
        stopped = tiny.agreed()
        if tiny.step % EVERY == 0 or tiny.step == steps or stopped:
            tiny.save(root)
    if int(os.environ["LOCAL_RANK"]) == 0:
        event("stopped" if stopped and tiny.step < steps else "end", tiny.step)
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
