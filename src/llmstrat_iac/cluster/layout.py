"""How a trainer lays out its checkpoints on disk; in S3 they are `checkpoints/step-N/` whatever it calls them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Formatter


@dataclass(frozen=True)
class Layout:
    """A folder a step below LLMSTRAT_CHECKPOINTS. The defaults are those of torch's distributed checkpointing."""

    folder: str = "step-{step}"
    """The name, with `{step}`; `iter_{step:07d}` has leading zeros."""
    complete: str = ".metadata"
    """The file in it that the first node writes when all ranks are done with theirs."""
    shard: str = r"^__(\d+)_"
    """Matches names of files that another node may have written; the group is the rank. All others are the first
    node's."""
    newest: tuple[str, str] | None = None
    """(file beside the folders, text with `{step}`) by which the trainer knows where to go on; None if it looks."""

    def __post_init__(self) -> None:
        fields = [name for _, name, _, _ in Formatter().parse(self.folder) if name is not None]
        if fields != ["step"] or "/" in self.folder:
            raise ValueError(f"the folder of a checkpoint has `{{step}}` in its name, once: `{self.folder}`")
        if re.compile(self.shard).groups != 1:
            raise ValueError(f"the pattern of shards has one group, the rank: `{self.shard}`")

    def name(self, step: int) -> str:
        """The folder of a step."""
        return self.folder.format(step=step)

    def step(self, name: str) -> int | None:
        """The step of a folder; None if it is something else."""
        match = self._pattern.fullmatch(name)
        return int(match[1]) if match else None

    def rank(self, file: str) -> int:
        """Which rank wrote a file; 0 for those that only one rank writes."""
        match = re.match(self.shard, file)
        return int(match[1]) if match else 0

    def point(self, root: Path, step: int | None) -> None:
        """Let the trainer go on from this step, if it has to be told; None: from the start."""
        if self.newest is None:
            return
        name, text = self.newest
        if step is None:
            (root / name).unlink(missing_ok=True)
        else:
            (root / name).write_text(text.format(step=step), encoding="utf-8")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        (before, _, _, _), *after = Formatter().parse(self.folder)
        return re.compile(re.escape(before) + r"(\d+)" + re.escape("".join(text for text, *_ in after)))


TORCHS = Layout()
"""As torch's distributed checkpointing writes them."""
