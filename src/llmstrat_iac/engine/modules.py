"""The pinned Go modules that the engine can be built from: in the installed package, or in the source tree."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from llmstrat_iac.errors import EngineError

CLI_MODULE = "cli"
HOST_MODULE = "python-host"
FILES = ("go.mod", "go.sum", "tools.go")


def copy_module(name: str, target: Path) -> Path:
    """Copy one pinned module to a folder that Go may work in, and return that folder."""
    folder = target / name
    folder.mkdir(parents=True)
    for file, content in _read_module(name).items():
        (folder / file).write_bytes(content)
    return folder


def _read_module(name: str) -> dict[str, bytes]:
    with as_file(files("llmstrat_iac.engine") / "modules" / name) as packaged:
        # An editable install has no copy inside the package; the source tree's own is used.
        in_tree = Path(__file__).parents[3] / "engine" / name
        for folder in (packaged, in_tree):
            if all((folder / file).is_file() for file in FILES):
                return {file: (folder / file).read_bytes() for file in FILES}
    raise EngineError(
        f"the pinned Go module `{name}` isn't part of this installation",
        remedy="reinstall llmstrat-iac, or install Pulumi yourself and put it on PATH",
    )
