"""The bytes of assets and archives: zips that are identical for identical content, as Lambda's code hash demands.

Reads local files only; an asset that must be fetched from a URL is refused, the sandbox leaves no request out.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.values import Blob

EPOCH = (1980, 1, 1, 0, 0, 0)
ZIPS = {".zip", ".jar"}


def content(blob: Blob) -> bytes:
    """The bytes that AWS gets: a file's content for an asset, a zip for an archive."""
    fields = blob.fields
    if fields.get("uri"):
        raise SandboxError(
            f"remote {blob.kind} {fields['uri']}: the sandbox doesn't download", remedy="use a local file"
        )
    if blob.kind == "asset":
        return _text(fields) if "text" in fields and not fields.get("path") else _file(fields).read_bytes()
    if fields.get("path"):
        path = _file(fields)
        if path.is_file():
            return _packed(path)
    return _zip(sorted(_entries(blob, "")))


def _text(fields: dict[str, Any]) -> bytes:
    return str(fields["text"]).encode()


def _file(fields: dict[str, Any]) -> Path:
    path = Path(str(fields.get("path") or ""))
    if not str(fields.get("path") or "") or not path.exists():
        raise SandboxError(
            f"asset file `{path}` not found (looked from {Path.cwd()})",
            remedy="use an absolute path: an attached provider isn't told the program's folder",
        )
    return path


def _packed(path: Path) -> bytes:
    if path.suffix not in ZIPS:
        raise SandboxError(f"archive `{path}`: only folders and {', '.join(sorted(ZIPS))} are served")
    return path.read_bytes()


def _entries(blob: Blob, prefix: str) -> Iterator[tuple[str, bytes, bool]]:
    """(name in the zip, bytes, executable) of everything inside."""
    if blob.kind == "asset":
        executable = bool(blob.fields.get("path")) and bool(_file(blob.fields).stat().st_mode & 0o100)
        yield prefix, content(blob), executable
    elif blob.fields.get("path"):
        yield from _path_entries(_file(blob.fields), prefix)
    else:
        for name, part in (blob.fields.get("assets") or {}).items():
            yield from _entries(part, f"{prefix}/{name}" if prefix else name)


def _path_entries(path: Path, prefix: str) -> Iterator[tuple[str, bytes, bool]]:
    if path.is_file():
        with zipfile.ZipFile(io.BytesIO(_packed(path))) as packed:
            for info in packed.infolist():
                if not info.is_dir():
                    name = f"{prefix}/{info.filename}" if prefix else info.filename
                    yield name, packed.read(info), bool(info.external_attr >> 16 & 0o100)
        return
    for file in path.rglob("*"):
        if file.is_file():
            name = file.relative_to(path).as_posix()
            yield f"{prefix}/{name}" if prefix else name, file.read_bytes(), bool(file.stat().st_mode & 0o100)


def _zip(entries: list[tuple[str, bytes, bool]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, executable in entries:
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if executable else 0o100644) << 16
            archive.writestr(info, data)
    return buffer.getvalue()
