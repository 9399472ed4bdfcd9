"""The command line at a terminal, with answers that are typed ahead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_RUN = "from llmstrat_iac.cli import main; raise SystemExit(main())"


def init_at_terminal(path: Path, answers: str, *flags: str) -> str:
    """What `llmstrat init` prints when it is answered so; it must succeed."""
    terminal, end = os.openpty()
    os.write(terminal, answers.encode())
    run = subprocess.run(
        [sys.executable, "-c", _RUN, "init", str(path), *flags], stdin=end, capture_output=True, text=True, check=False
    )
    os.close(end)
    os.close(terminal)
    assert run.returncode == 0, run.stderr
    return run.stdout
