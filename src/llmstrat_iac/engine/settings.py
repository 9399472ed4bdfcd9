"""The two small files that Pulumi wants in a folder: `Pulumi.yaml` and `Pulumi.<stack>.yaml`.

Written directly, since one `pulumi config set` per value costs a process each. What Pulumi itself keeps there
(the encryption salt or key, encrypted values) is left as it is.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def write_workspace(
    folder: Path,
    *,
    project: str,
    stack: str,
    config: Mapping[str, str],
    secrets_provider: str | None,
) -> None:
    """Make the folder a Pulumi project with this stack's plain configuration; unchanged files aren't touched."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_if_changed(folder / "Pulumi.yaml", f"name: {json.dumps(project)}\nruntime: python\n")
    if not config and secrets_provider is None:
        return
    file = folder / f"Pulumi.{stack}.yaml"
    settings = _load(file)
    wanted = _with_config(settings, project, config)
    if secrets_provider is not None:
        wanted["secretsprovider"] = secrets_provider
    if wanted != settings:
        stream = io.StringIO()
        writer = YAML(typ="safe", pure=True)
        writer.default_flow_style = False  # Pulumi's parser chokes on an unquoted URL between braces
        writer.dump(wanted, stream)
        _write_if_changed(file, stream.getvalue())


def _load(file: Path) -> dict[str, Any]:
    try:
        loaded = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _with_config(settings: Mapping[str, Any], project: str, config: Mapping[str, str]) -> dict[str, Any]:
    if not config:
        return dict(settings)
    known = settings.get("config") or {}
    named = {key if ":" in key else f"{project}:{key}": value for key, value in config.items()}
    return {**settings, "config": {**known, **named}}


def _write_if_changed(file: Path, text: str) -> None:
    if file.exists() and file.read_text("utf-8") == text:
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text, "utf-8")
    draft.replace(file)
