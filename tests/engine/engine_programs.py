"""Inline programs for the engine tests. Their cloud is a folder: a resource is a file in it, so that no AWS is needed.

Imported by the tests and, by name, by Pulumi's dynamic provider process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

GATE_SECONDS = 600
Program = Callable[[], None]


class FolderProvider(ResourceProvider):
    """Keeps each resource as a JSON file. `gate` is a file to wait for before a creation is finished."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        file = Path(props["folder"]) / props["name"]
        if props["fail"]:
            raise Exception(f"the folder refused {props['name']}")
        file.with_suffix(".begun").touch()
        deadline = time.monotonic() + GATE_SECONDS
        while props["gate"] and not Path(props["gate"]).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        file.write_text(json.dumps({"size": props["size"]}))
        return CreateResult(str(file), props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        replaces = ["name"] if olds["name"] != news["name"] else []
        return DiffResult(changes=bool(replaces) or olds["size"] != news["size"], replaces=replaces)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        Path(_id).write_text(json.dumps({"size": news["size"]}))
        return UpdateResult(news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        file = Path(id_)
        if not file.exists():
            return ReadResult("", {})
        return ReadResult(id_, {**props, **json.loads(file.read_text())})

    def delete(self, id_: str, _props: dict[str, Any]) -> None:
        Path(id_).unlink(missing_ok=True)


class FolderEntry(Resource, module="test", name="FolderEntry"):
    size: pulumi.Output[int]

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        size: int = 1,
        gate: Path | None = None,
        fail: bool = False,
        entry: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "name": entry or name,
            "folder": str(folder),
            "size": size,
            "gate": str(gate or ""),
            "fail": fail,
        }
        super().__init__(FolderProvider(), name, props, opts)


def nothing() -> None:
    """An empty program."""


def entries(folder: Path, count: int, *, size: int = 1) -> Program:
    def program() -> None:
        for number in range(count):
            FolderEntry(f"entry-{number}", folder, size=size)

    return program


def after(resource: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=[resource])
