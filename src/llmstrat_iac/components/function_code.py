"""The Lambda packages: the relay's own files and its configuration as a zip that is the same for the same content.

Pulumi's own archives drop file modes (pulumi/pulumi#3593) and Lambda runs a wrapper script only if it is executable, so
the zip is written here and handed over as a file. It lies in the user's cache under the name of its digest.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from importlib.resources import files
from pathlib import Path

import pulumi
from platformdirs import user_cache_path

from llmstrat_iac.relay import AUTHORIZER_FILES, PACKAGE_FILES, WRAPPER_FILE

_RELAY_PACKAGE = "llmstrat_iac.relay"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold


def relay_archive(relay_json: str) -> pulumi.FileArchive:
    """The relay's package with `relay.json`."""
    content = _package(PACKAGE_FILES) | {
        WRAPPER_FILE: _source(WRAPPER_FILE),
        "relay.json": relay_json.encode(),
    }
    return _kept(zip_bytes(content, executable={WRAPPER_FILE}))


def authorizer_archive(consumers_json: str) -> pulumi.FileArchive:
    """The authorizer's package with `consumers.json`; apart from the relay, so that new keys don't restart it."""
    content = _package(AUTHORIZER_FILES) | {"consumers.json": consumers_json.encode()}
    return _kept(zip_bytes(content))


def zip_bytes(content: Mapping[str, bytes], *, executable: Collection[str] = ()) -> bytes:
    """A zip with fixed times and modes, in the order of names; not compressed, so that no zlib changes its bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix: only then do readers take the mode from external_attr
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(entry, content[name])
    return buffer.getvalue()


def _package(names: Collection[str]) -> dict[str, bytes]:
    return {f"relay/{name}": _source(name) for name in names}


def _source(name: str) -> bytes:
    return files(_RELAY_PACKAGE).joinpath(name).read_bytes()


def _kept(content: bytes) -> pulumi.FileArchive:
    folder = user_cache_path("llmstrat-iac") / "functions"
    path = folder / f"{hashlib.sha256(content).hexdigest()}.zip"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    return pulumi.FileArchive(str(path))
