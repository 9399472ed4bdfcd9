"""Reads JSONL in blocks of whole lines with flat memory, and computes the content's identity on the way.

The identity is a SHA-256 that doesn't depend on the file's name or place, a byte order mark, the kind of line ends or
empty lines: what a vendor trains on. Nothing here looks inside a line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from llmstrat_iac.datasets.findings import DatasetError

BLOCK_BYTES = 1 << 18
"""Small enough that a block and what is made of it stay in a processor's second-level cache."""
MAX_LINE_BYTES = 32 << 20
"""No vendor takes an example near this size; a longer line is reported and skipped, so it can't fill the memory."""

_HEAD_BYTES = 4096
"""How much is looked at to tell what kind of file it is."""
_BOM = b"\xef\xbb\xbf"
_MAGIC = {
    b"\x1f\x8b": "gzip-compressed; unpack it with `gunzip`",
    b"\x28\xb5\x2f\xfd": "zstd-compressed; unpack it with `unzstd`",
    b"PK\x03\x04": "a zip archive; unpack it",
    b"PAR1": "a Parquet file; export it as JSONL",
    b"\xff\xfe": "UTF-16 text; convert it with `iconv -f utf-16 -t utf-8`",
    b"\xfe\xff": "UTF-16 text; convert it with `iconv -f utf-16 -t utf-8`",
}


@dataclass(frozen=True)
class Block:
    """Whole lines."""

    data: bytes
    """As read."""
    lines: list[bytes]
    """Without their line ends."""
    first_line: int
    crlf: int = 0
    """How many of the lines ended with CR LF."""
    oversize: bool = False
    """The block stands for one line that was too long to keep."""


def open_dataset(path: Path) -> BinaryIO:
    """Open a local dataset; DatasetError if it isn't a readable file with something in it."""
    if path.is_dir():
        raise DatasetError(f"{path} is a directory", remedy="give one JSONL file")
    try:
        stream = path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise DatasetError(
            f"there is no file {path}", remedy="check the path; it is relative to where you are"
        ) from error
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror}") from error
    return stream


class LineReader:
    """Iterates a binary stream as blocks of lines. `bom`, `sha256` and `total` are final once it is exhausted."""

    def __init__(self, stream: BinaryIO, name: str, *, block_bytes: int = BLOCK_BYTES) -> None:
        self._stream = stream
        self._name = name
        self._block_bytes = block_bytes
        self._digest = hashlib.sha256()
        self.bom = False
        self.total = 0

    @property
    def sha256(self) -> str:
        """The identity of what was read so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[Block]:
        line_number = 1
        for data, whole in self._pieces():
            block = self._block(data, line_number, whole=whole)
            line_number += len(block.lines)
            yield block

    def _pieces(self) -> Iterator[tuple[bytes, bool]]:
        """Data cut behind a line end; a piece of a line that is too long has `whole` False."""
        rest = b""
        for data in self._reads():
            self.total += len(data)
            end = data.rfind(b"\n") + 1
            if end:
                yield rest + data[:end], True
                rest = data[end:]
            else:
                rest += data
            if len(rest) > MAX_LINE_BYTES:
                rest = yield from self._skip_line(rest)
        if rest:
            yield rest, True
        if self.total == 0:
            raise DatasetError(f"{self._name} is empty", remedy="the file needs one JSON object a line")

    def _reads(self) -> Iterator[bytes]:
        head = b""
        while len(head) < _HEAD_BYTES and (data := self._stream.read(self._block_bytes)):
            head += data
        if head := self._first(head):
            yield head
        while data := self._stream.read(self._block_bytes):
            yield data

    def _skip_line(self, start: bytes) -> Generator[tuple[bytes, bool], None, bytes]:
        self._digest.update(start)
        yield b"", False
        while data := self._stream.read(self._block_bytes):
            self.total += len(data)
            end = data.find(b"\n") + 1
            self._digest.update(data[:end] if end else data)
            if end:
                return data[end:]
        return b""

    def _block(self, data: bytes, first_line: int, *, whole: bool) -> Block:
        if not whole:
            return Block(b"", [b""], first_line, oversize=True)
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        crlf = 0
        if b"\r" in data:
            crlf = sum(line.endswith(b"\r") for line in lines)
            lines = [line.removesuffix(b"\r") for line in lines]
        self._hash(data, lines, clean=not crlf)
        return Block(data, lines, first_line, crlf)

    def _hash(self, data: bytes, lines: list[bytes], *, clean: bool) -> None:
        if clean and b"" not in lines:
            self._digest.update(data)
            if not data.endswith(b"\n"):
                self._digest.update(b"\n")
        else:
            self._digest.update(b"".join(line + b"\n" for line in lines if line))

    def _first(self, data: bytes) -> bytes:
        for magic, what in _MAGIC.items():
            if data.startswith(magic):
                raise DatasetError(f"{self._name} is {what}", remedy="a dataset is UTF-8 text, one JSON object a line")
        if data.startswith(_BOM):
            self.bom = True
            data = data[len(_BOM) :]
        start = data[:_HEAD_BYTES].lstrip()
        if start.startswith(b"["):
            raise DatasetError(
                f"{self._name} is one JSON array, not JSONL", remedy="write one object a line: `jq -c '.[]' FILE`"
            )
        if start and not start.startswith(b"{") and start.count(b"\0") * 20 > len(start):
            raise DatasetError(
                f"{self._name} is a binary file", remedy="a dataset is UTF-8 text, one JSON object a line"
            )
        return data


def content_sha256(source: Path | BinaryIO, name: str = "the dataset") -> str:
    """The identity of a dataset's content; the same number that a check reports. Reads it once, parses nothing."""
    if isinstance(source, Path):
        with open_dataset(source) as stream:
            return content_sha256(stream, str(source))
    reader = LineReader(source, name)
    for _ in reader:
        pass
    return reader.sha256
