"""Where this user's sandbox lives: one folder, so that every command finds the same one."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "LLMSTRAT_SANDBOX_HOME"


def sandbox_home() -> Path:
    """The folder of the sandbox: `LLMSTRAT_SANDBOX_HOME`, or one below the user's state folder."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_state_dir("llmstrat-iac")) / "sandbox"
