"""At a terminal of 80 columns nothing is wider than that, and what breaks stays indented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LLMSTRAT = Path(sys.executable).with_name("llmstrat")
EXAMPLE = REPOSITORY / "examples" / "from-scratch" / "bloomberggpt" / "spec.yaml"
COLUMNS = 80


def at_a_terminal(*arguments: str) -> list[str]:
    """The lines that a terminal of 80 columns gets, without colours."""
    reading, writing = os.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm"}
    with subprocess.Popen([LLMSTRAT, *arguments], stdout=writing, stdin=writing, env=environment) as process:
        os.close(writing)
        text = b""
        while True:
            try:
                text += os.read(reading, 65_536)
            except OSError:  # Linux's way to say that nobody writes any more
                break
        process.wait()
    os.close(reading)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.decode()).replace("\r", "").splitlines()


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", str(EXAMPLE)),
        ("train-plan", "--preset", "llama-8b", "--tokens", "1T", "--plot", "-"),
    ],
)
def test_nothing_is_wider_than_the_terminal(arguments: tuple[str, ...]) -> None:
    lines = at_a_terminal(*arguments)
    assert lines
    assert [line for line in lines if len(line.rstrip()) > COLUMNS] == []


def test_what_breaks_stays_indented() -> None:
    lines = at_a_terminal("plan", str(EXAMPLE))
    costs = lines[lines.index(next(line for line in lines if line.startswith("Cost"))) + 1 : lines.index("Sizing")]
    assert [line for line in costs if line.strip() and not line.startswith("  ")] == []
    findings = lines[next(number for number, line in enumerate(lines) if line.startswith("warning ")) :]
    loose = [line for line in findings if line and not line.startswith(("  ", "warning ", "info ", "Nothing "))]
    assert loose == []
