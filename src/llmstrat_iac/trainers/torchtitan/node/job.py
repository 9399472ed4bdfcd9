"""torchtitan's trainer with what a cluster needs: events, one last checkpoint on SIGTERM, other numbers of nodes.

`python -m torch.distributed.run … -m llmstrat_titan.job --module titan_config --config pretrain …` on every
rank, as `torchtitan.train` would be run.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from llmstrat_job.cluster.events import write_event
from torch import distributed
from torchtitan.components.metrics import MetricsProcessor
from torchtitan.trainer import Trainer

_AGREE_STEPS = 5
"""Steps between two questions whether any node is to go; a reclaimed one has two minutes."""
_DATALOADER = "dataloader"


class Progress(MetricsProcessor):  # type: ignore[misc]  # torchtitan isn't installed where this is checked
    """Writes an event where torchtitan logs a step, on a rank that knows the loss."""

    @dataclass(kw_only=True, slots=True)
    class Config(MetricsProcessor.Config):  # type: ignore[misc]
        """As torchtitan's."""

    def __init__(self, config: Config, **more: Any) -> None:
        super().__init__(config, **more)
        self._tokens, self._at = 0, time.perf_counter()

    def log(self, step: int, global_avg_loss: float, global_max_loss: float, grad_norm: float, **more: Any) -> None:
        super().log(step, global_avg_loss, global_max_loss, grad_norm, **more)
        seen, at = int(more.get("extra_metrics", {}).get("n_tokens_seen", 0)), time.perf_counter()
        speed = (seen - self._tokens) / (at - self._at) if self._tokens else None
        self._tokens, self._at = seen, at
        if _knows_loss(self.parallel_dims):
            known = {} if speed is None else {"tokens_per_second": speed}
            write_event("step", step, loss=global_avg_loss, **known)


def _knows_loss(dims: Any) -> bool:
    """The first rank; with a pipeline, the first of its last stage: others have no loss."""
    world = distributed.get_world_size()
    return bool(distributed.get_rank() == (world // dims.pp * (dims.pp - 1) if dims.pp > 1 else 0))


class ClusterTrainer(Trainer):  # type: ignore[misc]
    """torchtitan's trainer on a cluster whose nodes come and go."""

    @dataclass(kw_only=True, slots=True)
    class Config(Trainer.Config):  # type: ignore[misc]
        """As torchtitan's."""

    def __init__(self, config: Config) -> None:
        self._told = self._stopped = False
        signal.signal(signal.SIGTERM, self._stop)
        super().__init__(config)
        self._voters = distributed.new_group(backend="gloo")
        self._forget_order(Path(self.checkpointer.folder))

    def should_continue_training(self) -> bool:
        """False when all steps are done, or when all ranks have agreed to stop and have saved."""
        if not super().should_continue_training():
            return False
        if self.step % _AGREE_STEPS == 0 and self._agreed():
            self._stopped = True
            if self.step:
                self.checkpointer.interval = 1
                self.checkpointer.save(self.step)
            return False
        return True

    def train(self) -> None:
        """Train, wait for what is being saved, and say how it ended, once a node."""
        super().train()
        self.checkpointer.maybe_wait_for_saving()
        distributed.barrier(self._voters)
        if int(os.environ["LOCAL_RANK"]) == 0:
            # At step 0 there is nothing to wait for.
            write_event("stopped" if self._stopped else "end", self.step or -1)

    def _stop(self, _signal: int, _frame: object) -> None:
        self._told = True

    def _agreed(self) -> bool:
        """Whether any rank was told to stop; over gloo, so that no GPU waits for it."""
        flag = torch.tensor([int(self._told)])
        distributed.all_reduce(flag, distributed.ReduceOp.MAX, group=self._voters)
        return bool(flag.item())

    def _forget_order(self, folder: Path) -> None:
        """With another number of data-parallel ranks than the checkpoint's, read the corpus in another order.

        torchtitan keeps each rank's place in it, and can't share it out anew (0.3.0, `ParallelAwareDataloader`).
        """
        saved = saved_data_ranks(folder)
        ranks = self.parallel_dims.dp_replicate * self.parallel_dims.dp_shard
        if saved is not None and saved != ranks:
            self.checkpointer.exclude_from_loading = [_DATALOADER]
            dataset = self.dataloader.dataset
            dataset._data = dataset._original_data.shuffle(seed=saved * 1_000_003 + ranks)


def saved_data_ranks(folder: Path) -> int | None:
    """Data-parallel ranks of the newest checkpoint; None if there is none."""
    from torch.distributed.checkpoint import FileSystemReader

    steps = sorted((int(path.parent.name.partition("-")[2]), path.parent) for path in folder.glob("step-*/.metadata"))
    if not steps:
        return None
    names: dict[str, Any] = FileSystemReader(str(steps[-1][1])).read_metadata().state_dict_metadata
    return sum(name.startswith(f"{_DATALOADER}.dp_rank_") for name in names)


def main() -> None:
    """torchtitan's own entry, with the launcher's folders."""
    import sys

    from torchtitan.train import main as train

    sys.argv += ["--hf_assets_path", os.environ["LLMSTRAT_TOKENIZER"], "--dump_folder", os.environ["LLMSTRAT_SCRATCH"]]
    sys.argv += ["--checkpoint.folder", os.environ["LLMSTRAT_CHECKPOINTS"]]
    train()


if __name__ == "__main__":
    main()
