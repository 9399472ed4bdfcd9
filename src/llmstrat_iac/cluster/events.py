"""What a trainer tells the launcher of its node, by lines of JSON in the file LLMSTRAT_EVENTS; it may import this.

`write_event("step", 10, loss=2.1, tokens_per_second=9e5)` from one rank that knows, at least now and then;
`write_event("end", 1000)` once a node when all steps are done and the last checkpoint is written, and
`write_event("stopped", 730)` instead if SIGTERM has made all ranks save at that step and end.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_event(kind: str, step: int, **more: Any) -> None:
    """Add a line; nothing without a launcher."""
    path = os.environ.get("LLMSTRAT_EVENTS")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": kind, "step": step, **more}) + "\n")
