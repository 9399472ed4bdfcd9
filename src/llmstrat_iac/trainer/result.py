"""What a training leaves: the weights in a folder of their own, and a manifest that says of what they were made."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .places import Places
from .progress import Status

MANIFEST = "manifest.json"
_OTHER = frozenset({"status.json", "training_args.bin", "README.md"})
"""What lies beside the trained weights and isn't part of them; TRL's model card names folders of this machine."""
_FACTS = ("key", "stack", "alias", "model", "revision", "method", "objective", "adapter", "rank", "data", "trl")


def collect(places: Places, job: Mapping[str, Any], status: Status) -> None:
    """Move the weights to the output folder and write the manifest beside them."""
    for path in places.checkpoints.iterdir():
        if path.is_file() and path.name not in _OTHER:
            shutil.move(path, places.output / path.name)
    _name_base(places.output / "adapter_config.json", job)
    trained_on = {path.name: _sha256(path) for path in (places.train, places.validation) if path.exists()}
    manifest = {
        **{name: job[name] for name in _FACTS},
        "files": trained_on,
        "metrics": status.metrics,
        "steps": status.step,
        "attempts": status.attempt,
        "started": status.started,
        "finished": status.finished,
    }
    (places.output / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _name_base(path: Path, job: Mapping[str, Any]) -> None:
    """The adapter names its base as the spec does, not as a folder of this machine."""
    if path.exists():
        config = json.loads(path.read_text(encoding="utf-8"))
        config |= {"base_model_name_or_path": job["model"], "revision": job["revision"]}
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
