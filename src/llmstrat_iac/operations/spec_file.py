"""Edits a spec where a command changes what is wanted: comments and layout stay, and the spec stays the only truth."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML

_INDENTED_SEQUENCE = re.compile(r"^( *)[^\s#-][^\n]*:\n\1  - ", re.MULTILINE)
T = TypeVar("T")


def edit_spec(path: Path, change: Callable[[Any], T]) -> T:
    """Let `change` edit the parsed file in place, write the file, and return what `change` says."""
    before = path.read_text(encoding="utf-8")
    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    offset = 2 if _INDENTED_SEQUENCE.search(before) else 0
    yaml.indent(mapping=2, sequence=2 + offset, offset=offset)
    document = yaml.load(before)
    result = change(document)
    text = io.StringIO()
    yaml.dump(document, text)
    replace_spec(path, text.getvalue())
    return result


def replace_spec(path: Path, text: str) -> None:
    """Write beside the file and rename, so that an interruption leaves the old spec or the new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).chmod(path.stat().st_mode)
    Path(temporary).replace(path)
