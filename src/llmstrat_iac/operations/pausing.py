"""Pauses and resumes a fleet by editing the spec, so that both doors know that it rests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.operations.spec_file import edit_spec


def set_paused(path: Path, resolved: ResolvedSpec, *, paused: bool) -> bool:
    """Write `serving.paused`; False if it was so already. LlmstratError if the spec serves no fleet of its own."""
    serving = resolved.open_model.serving if resolved.open_model else None
    if serving is None:
        raise LlmstratError(
            f"{path}: there is no fleet to {'pause' if paused else 'resume'}",
            remedy="only a spec with `serving:` has one; what a closed model costs stops when nobody calls it",
        )
    if serving.block.paused is paused:
        return False

    def change(document: Any) -> None:
        if paused:
            document["serving"]["paused"] = True
        else:
            document["serving"].pop("paused", None)

    edit_spec(path, change)
    return True
