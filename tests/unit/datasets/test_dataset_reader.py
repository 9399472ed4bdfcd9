"""Blocks of lines and the content's identity, wherever the reads happen to cut."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import pytest

from llmstrat_iac.datasets.reader import LineReader, content_sha256

LINES = [b'{"a": 1}', b'{"b": "two words"}', b'{"c": "\xc3\xa9"}', b'{"d": "' + b"x" * 300 + b'"}']


class Trickle(io.RawIOBase):
    """Returns as few bytes as it likes, as a network stream does."""

    def __init__(self, data: bytes, seed: int) -> None:
        self._data, self._random = data, random.Random(seed)

    def read(self, _size: int = -1) -> bytes:
        count = self._random.randint(1, 40)
        data, self._data = self._data[:count], self._data[count:]
        return data


def read(data: bytes, **options: int) -> tuple[list[tuple[int, bytes]], LineReader]:
    reader = LineReader(io.BytesIO(data), "a file", **options)
    found = [(n, line) for block in reader for n, line in enumerate(block.lines, block.first_line)]
    return found, reader


@pytest.mark.parametrize("block_bytes", [1, 2, 7, 64, 1 << 20])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_lines_and_identity_do_not_depend_on_how_the_file_is_cut(block_bytes: int, ending: bytes, bom: bytes) -> None:
    found, reader = read(bom + ending.join(LINES), block_bytes=block_bytes)
    assert found == list(enumerate(LINES, 1))
    assert reader.bom is bool(bom)
    assert reader.sha256 == hashlib.sha256(b"".join(line + b"\n" for line in LINES)).hexdigest()


@pytest.mark.parametrize("seed", range(20))
def test_short_reads_change_nothing(seed: int) -> None:
    data = b"\n".join(LINES * 3) + b"\n"
    reader = LineReader(Trickle(data, seed), "a stream")
    assert [line for block in reader for line in block.lines] == LINES * 3
    assert reader.sha256 == content_sha256(io.BytesIO(data))


def test_the_order_of_examples_is_part_of_the_identity() -> None:
    assert content_sha256(io.BytesIO(b"a\nb\n")) != content_sha256(io.BytesIO(b"b\na\n"))


def test_the_identity_of_a_file_is_that_of_its_stream(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"{}\n\n{}\n")
    assert content_sha256(path) == content_sha256(io.BytesIO(b"{}\r\n{}"))
