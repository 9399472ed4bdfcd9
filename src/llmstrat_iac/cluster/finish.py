"""The end of a run, on its first node: the last checkpoint becomes a Hugging Face folder in S3, with a manifest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ..trainer.process import exit_words
from ..trainer.store import upload_all
from .checkpoints import marked_steps, prepare, written_steps
from .node import JobFailed, Node
from .progress import ClusterStatus
from .torchrun import program

MANIFEST = "manifest.json"
FACTS = (
    "key", "stack", "alias", "framework", "framework_version", "corpus", "tokenizer", "steps", "tokens_per_step",
)  # fmt: skip
"""Of the job, in the model's manifest."""
_TOKENIZER = ("tokenizer", "special_tokens_map", "vocab", "merges", "generation_config")


def export_model(node: Node, status: ClusterStatus) -> None:
    """Convert and upload; the manifest comes last, so that what it stands beside is whole. JobFailed if it can't."""
    step = _last_step(node)
    output = node.places.scratch / "output"
    hub = output / "hf"
    shutil.rmtree(output, ignore_errors=True)
    hub.mkdir(parents=True)
    folder = node.places.checkpoints / node.layout.name(step)
    command = [node.settings.python, *program(node.job["export"]), str(folder), str(hub)]
    code = node.child.run(command, node.places.code, node.environment())
    if code != 0:
        raise JobFailed(f"the model can't be converted: {exit_words(code)}\n{node.log.masked(node.log.reason())}")
    if not any(hub.iterdir()):
        raise JobFailed("the conversion has left nothing")
    if node.job["config"] is not None:
        (hub / "config.json").write_text(json.dumps(node.job["config"], indent=2) + "\n", encoding="utf-8")
    _copy_tokenizer(node.places.tokenizer, hub)
    manifest = {
        **{name: node.job[name] for name in FACTS},
        "step": step,
        "metrics": status.metrics,
        "nodes": status.nodes,
        "generations": status.attempt,
        "started": status.started,
        "finished": status.finished,
        "files": sorted(path.name for path in hub.iterdir()),
    }
    (output / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    upload_all(node.store, output, "output/", last=MANIFEST)


def _last_step(node: Node) -> int:
    """The last checkpoint, whole on this node: other nodes' shards are fetched where no file system is shared."""
    root, shared = node.places.checkpoints, node.places.shared
    steps = written_steps(root, node.layout) if shared else marked_steps(node.checkpoint_store)
    if not steps or steps[-1] < node.job["steps"]:
        raise JobFailed(f"the last checkpoint, of step {node.job['steps']}, isn't there: the newest are {steps[-3:]}")
    prepare(node.checkpoint_store, root, steps[-1], shared=shared, first=True, layout=node.layout)
    return steps[-1]


def _copy_tokenizer(source: Path, target: Path) -> None:
    for path in source.iterdir() if source.exists() else ():
        if path.is_file() and path.name.startswith(_TOKENIZER):
            shutil.copyfile(path, target / path.name)
