"""Assets and archives: the same content makes the same bytes."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.blobs import content
from llmstrat_iac.sandbox.provider.values import Blob


def text(value: str) -> Blob:
    return Blob("asset", {"text": value})


def file(path: Path) -> Blob:
    return Blob("asset", {"path": str(path)})


def archive(**assets: Blob) -> Blob:
    return Blob("archive", {"assets": assets})


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_assets_are_their_content(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"bytes")
    assert content(text("text")) == b"text"
    assert content(file(tmp_path / "f")) == b"bytes"


def test_an_archive_may_hold_files_folders_and_archives(tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "f.py").write_text("f")
    inner = archive(x=text("x"))
    folder = Blob("archive", {"path": str(tmp_path / "d")})
    (tmp_path / "z.zip").write_bytes(content(archive(g=text("g"))))
    packed = Blob("archive", {"path": str(tmp_path / "z.zip")})
    found = members(content(archive(a=text("a"), i=inner, d=folder, z=packed)))
    assert found == {"a": b"a", "i/x": b"x", "d/e/f.py": b"f", "z/g": b"g"}


def test_bytes_depend_on_content_only(tmp_path: Path) -> None:
    for name, when in {"one": 1_000_000_000, "two": 1_700_000_000}.items():
        (tmp_path / name).mkdir()
        for member in ("b", "a"):
            (tmp_path / name / member).write_text(member)
            os.utime(tmp_path / name / member, (when, when))
    one, two = (content(Blob("archive", {"path": str(tmp_path / name)})) for name in ("one", "two"))
    assert one == two
    assert content(archive(a=text("1"), b=text("2"))) == content(archive(b=text("2"), a=text("1")))


def test_a_zip_goes_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "z.zip").write_bytes(b"as it is")
    assert content(Blob("archive", {"path": str(tmp_path / "z.zip")})) == b"as it is"


def test_executables_stay_so(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text("#!/bin/sh")
    (tmp_path / "bootstrap").chmod(0o755)
    (tmp_path / "data").write_text("x")
    data = content(Blob("archive", {"path": str(tmp_path)}))
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in packed.infolist()}
    assert modes == {"bootstrap": 0o755, "data": 0o644}


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (Blob("asset", {"path": "nowhere/x"}), "use an absolute path"),
        (Blob("archive", {"path": ""}), "not found"),
        (Blob("asset", {"uri": "https://example.com/x"}), "doesn't download"),
        (Blob("archive", {"uri": "https://example.com/x.zip"}), "doesn't download"),
        (Blob("archive", {"path": __file__}), "only folders and .jar, .zip"),
    ],
)
def test_what_cannot_be_read_is_refused(blob: Blob, message: str) -> None:
    if blob.fields == {"path": ""}:
        blob = archive(a=Blob("asset", {"path": ""}))
    with pytest.raises(SandboxError, match=message):
        content(blob)
