"""The job's folder in S3, for a job on EC2; or a local folder, where somebody tries one out.

Checkpoints come and go whole: the marker is uploaded last and deleted first.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from .checkpoints import MARKER, marked_files, newest_marked, step_of

_PARTIAL = ".partial/"


@dataclass(frozen=True)
class Entry:
    """What a listing tells of an object."""

    version: str
    """Differs after each write of other content."""
    size: int


class Store(Protocol):
    """Objects below one prefix."""

    def list(self, prefix: str) -> list[str]:
        """Keys that begin so, relative to the store."""

    def entries(self, prefix: str) -> dict[str, Entry]:
        """The same keys, with what the listing tells of each."""

    def create(self, key: str, text: str) -> bool:
        """Put a text if there is none; False if somebody was earlier."""

    def read(self, key: str) -> str | None:
        """A text; None if it isn't there."""

    def write(self, key: str, text: str) -> None:
        """Put a text."""

    def upload(self, path: Path, key: str) -> None:
        """Put a file."""

    def download(self, key: str, path: Path) -> None:
        """Get a file, with the folders above it."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects."""


def open_store(uri: str) -> Store:
    """The store at `s3://bucket/prefix` or `file:///folder`."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return FolderStore(Path(parts.path))
    return S3Store(parts.netloc, parts.path.strip("/"))


class S3Store:
    """A bucket's objects below a prefix; boto3 finds region, role and endpoint by itself."""

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3

        self._client: Any = boto3.client("s3")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def list(self, prefix: str) -> list[str]:
        return [*self.entries(prefix)]

    def entries(self, prefix: str) -> dict[str, Entry]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        found = (entry for page in pages for entry in page.get("Contents", ()))
        return {each["Key"].removeprefix(self._prefix): Entry(each["ETag"], each["Size"]) for each in found}

    def create(self, key: str, text: str) -> bool:
        try:
            # Conditional writes: S3 answers 412 if it is there, 409 if another one is being written just now.
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=text.encode(), IfNoneMatch="*")
        except self._client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in {409, 412}:
                return False
            raise
        return True

    def read(self, key: str) -> str | None:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"]
        except self._client.exceptions.NoSuchKey:
            return None
        content: bytes = body.read()
        return content.decode()

    def write(self, key: str, text: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=text.encode())

    def upload(self, path: Path, key: str) -> None:
        self._client.upload_file(str(path), self._bucket, self._prefix + key)

    def download(self, key: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._client.download_file(self._bucket, self._prefix + key, str(path))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)


class FolderStore:
    """The same in a local folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, prefix: str) -> list[str]:
        paths = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        return sorted(path for path in paths if path.startswith(prefix) and not path.startswith(_PARTIAL))

    def entries(self, prefix: str) -> dict[str, Entry]:
        found = {}
        for key in self.list(prefix):
            try:
                status = (self._root / key).stat()
            except FileNotFoundError:
                continue  # It has been removed meanwhile.
            found[key] = Entry(f"{status.st_mtime_ns}-{status.st_ino}", status.st_size)
        return found

    def create(self, key: str, text: str) -> bool:
        path = self._root / key
        partial = self._write_partial(path, text)
        try:
            os.link(partial, path)  # Whole or not at all, and never over another.
        except FileExistsError:
            return False
        finally:
            partial.unlink()
        return True

    def read(self, key: str) -> str | None:
        path = self._root / key
        return path.read_text(encoding="utf-8") if path.exists() else None

    def write(self, key: str, text: str) -> None:
        path = self._root / key
        self._write_partial(path, text).replace(path)

    def upload(self, path: Path, key: str) -> None:
        (self._root / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self._root / key)

    def download(self, key: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._root / key, path)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            (self._root / key).unlink(missing_ok=True)

    def _write_partial(self, path: Path, text: str) -> Path:
        """A file that isn't listed, for text on its way to `path`: several processes may write at once."""
        partial = self._root / _PARTIAL / f"{path.name}.{os.getpid()}.{threading.get_ident()}"
        for folder in (path.parent, partial.parent):
            folder.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        return partial


def save_checkpoint(store: Store, folder: Path) -> bool:
    """Upload a complete checkpoint and remove its predecessors; False if it isn't complete, or vanished meanwhile."""
    files = marked_files(folder)
    if files is None:
        return False
    target = f"checkpoints/{folder.name}"
    try:
        for name in files:
            store.upload(folder / name, f"{target}/{name}")
        store.upload(folder / MARKER, f"{target}/{MARKER}")
    except FileNotFoundError:
        return False  # The trainer keeps two and has removed this one.
    remove_checkpoints(store, before=step_of(folder.name))
    return True


def fetch_checkpoint(store: Store, root: Path) -> Path | None:
    """Download the newest complete checkpoint; None if there is none."""
    step = newest_marked(key.removeprefix("checkpoints/") for key in store.list("checkpoints/"))
    if step is None:
        return None
    folder = root / f"checkpoint-{step}"
    if marked_files(folder) is None:
        download_all(store, f"checkpoints/{folder.name}/", folder)
    return folder


def remove_checkpoints(store: Store, *, before: int | None) -> None:
    """Remove those of earlier steps than `before`, or all."""
    keys = []
    for key in store.list("checkpoints/"):
        step = step_of(key.split("/")[1])
        if step is not None and (before is None or step < before):
            keys.append(key)
    store.delete(sorted(keys, key=lambda key: not key.endswith(f"/{MARKER}")))


def upload_all(store: Store, folder: Path, prefix: str, *, last: str) -> None:
    """Upload a folder's files, `last` after all others."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in sorted(names, key=lambda name: name == last):
        store.upload(folder / name, prefix + name)


def download_all(store: Store, prefix: str, folder: Path) -> None:
    """Download what lies below a prefix, a checkpoint's marker after all others."""
    for key in sorted(store.list(prefix), key=lambda key: key.endswith(f"/{MARKER}")):
        store.download(key, folder / key.removeprefix(prefix))
