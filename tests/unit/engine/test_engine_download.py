"""The official release over a loopback server that plays the two publishers: good, wrong, absent and broken answers."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llmstrat_iac.engine.build import BuildError
from llmstrat_iac.engine.download import ChecksumError, Sources, UnreachableError, archive_name, download_release
from llmstrat_iac.engine.install import InstallError, Method, install_engine
from llmstrat_iac.engine.locate import Origin
from llmstrat_iac.engine.progress import InstallProgress, Stage
from llmstrat_iac.engine.versions import ENGINE_VERSION

NAME = archive_name()
CHECKSUMS = f"pulumi-{ENGINE_VERSION}-checksums.txt"
PLENTY = 10**12


@dataclass
class Publisher:
    """Serves files by name; `cut` says after how many bytes a file's connection breaks."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, archive: bytes, *, digest: str | None = None) -> None:
        digest = digest or hashlib.sha256(archive).hexdigest()
        self.files[NAME] = archive
        self.files[CHECKSUMS] = f"{'0' * 64}  another.tar.gz\n{digest}  {NAME}\n".encode()

    @property
    def sources(self) -> Sources:
        return Sources(archives=self.url, checksums=self.url)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            served.asked.append(name)
            content = served.files.get(name)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: served.cut.get(name, len(content))])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Publisher(f"http://127.0.0.1:{server.server_port}/releases")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def archive(version: str = ENGINE_VERSION, *, names: tuple[str, ...] = ()) -> bytes:
    """A release as it is published: one folder with executables, most of which aren't needed."""
    files = {
        "pulumi/pulumi": f"#!/bin/sh\necho v{version}\n",
        "pulumi/pulumi-language-python": "host",
        "pulumi/pulumi-language-python-exec": "exec",
        "pulumi/pulumi-resource-pulumi-python": "dynamic",
        "pulumi/pulumi-language-nodejs": "unneeded",
        **dict.fromkeys(names, "evil"),
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as release:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            release.addfile(entry, io.BytesIO(content.encode()))
    return stream.getvalue()


def ignore(_progress: InstallProgress) -> None:
    """Don't watch."""


def install(publisher: Publisher, root: Path, method: Method | None = Method.DOWNLOAD, **more: object) -> object:
    return install_engine(
        ignore,
        {"PATH": ""},
        method=method,
        root=root,
        sources=publisher.sources,
        free_bytes=lambda _folder: PLENTY,
        **more,
    )


def left_overs(root: Path) -> list[str]:
    return [file.name for file in root.glob(".installing-*")]


def test_good_release_is_installed_with_progress(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(archive())
    seen: list[InstallProgress] = []
    root = tmp_path / "engine"
    cli = install_engine(seen.append, {"PATH": ""}, root=root, sources=publisher.sources, free_bytes=lambda _f: PLENTY)
    assert (cli.version, cli.origin) == (ENGINE_VERSION, Origin.CACHE)
    assert cli.path == root / ENGINE_VERSION / "bin" / "pulumi"
    assert sorted(file.name for file in cli.bin_dir.iterdir()) == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
    ]
    assert cli.beside("pulumi-language-python") is not None
    assert [file.name for file in (root / ENGINE_VERSION).iterdir()] == ["bin"]
    downloads = [one for one in seen if one.stage is Stage.DOWNLOAD]
    assert downloads[-1].done == downloads[-1].total == len(publisher.files[NAME])
    assert [one.done for one in seen if one.stage is Stage.UNPACK] == [1, 2, 3, 4]
    assert left_overs(root) == []


def test_second_installation_downloads_nothing(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(archive())
    first = install(publisher, tmp_path)
    asked = len(publisher.asked)
    assert install(publisher, tmp_path) == first
    assert len(publisher.asked) == asked


def test_wrong_checksum_is_never_used_nor_worked_around(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(archive(), digest="a" * 64)
    with pytest.raises(ChecksumError, match=f"`{'a' * 64}` was published"):
        install(publisher, tmp_path, method=None)
    assert not (tmp_path / ENGINE_VERSION).exists()
    assert left_overs(tmp_path) == []


@pytest.mark.parametrize("absent", [NAME, CHECKSUMS])
def test_absent_file(publisher: Publisher, tmp_path: Path, absent: str) -> None:
    publisher.publish(archive())
    del publisher.files[absent]
    with pytest.raises(InstallError, match=r"the official release can't be fetched: .*answered 404"):
        install(publisher, tmp_path)
    assert left_overs(tmp_path) == []


def test_release_that_the_checksums_do_not_list(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(archive())
    publisher.files[CHECKSUMS] = b"0" * 64 + b"  another.tar.gz\n"
    with pytest.raises(UnreachableError, match="don't list"):
        download_release(tmp_path / "bin", ignore, publisher.sources)
    assert NAME not in publisher.asked


def test_broken_connection(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(archive())
    publisher.cut[NAME] = 100
    with pytest.raises(InstallError, match="the connection broke after 100 of"):
        install(publisher, tmp_path)
    publisher.cut = {CHECKSUMS: 10}
    with pytest.raises(InstallError, match="the connection broke"):
        install(publisher, tmp_path)
    assert left_overs(tmp_path) == []


def test_no_network_at_all_falls_back_to_the_build(tmp_path: Path) -> None:
    nowhere = Publisher("http://127.0.0.1:1/releases")
    with pytest.raises(InstallError, match=r"can't be fetched .* and Go isn't installed") as caught:
        install(nowhere, tmp_path, method=None)
    assert isinstance(caught.value.__cause__, BuildError)
    assert caught.value.remedy is not None
    assert "install Go" in caught.value.remedy


def test_release_of_another_version_is_not_installed(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(archive("3.1.0"))
    with pytest.raises(InstallError, match=r"the new engine doesn't work: it is version 3\.1\.0"):
        install(publisher, tmp_path)
    assert not (tmp_path / ENGINE_VERSION).exists()


def test_archive_cannot_write_elsewhere(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(archive(names=("../../outside", "/tmp/llmstrat-outside", "pulumi/../../pulumi-x")))
    root = tmp_path / "a" / "b"
    install(publisher, root)
    assert not list(tmp_path.rglob("outside"))
    assert not Path("/tmp/llmstrat-outside").exists()


def test_broken_earlier_installation_is_replaced(publisher: Publisher, tmp_path: Path) -> None:
    broken = tmp_path / ENGINE_VERSION / "bin" / "pulumi"
    broken.parent.mkdir(parents=True)
    broken.write_text("half")
    left = tmp_path / ".installing-999"
    left.mkdir()
    publisher.publish(archive())
    install(publisher, tmp_path)
    assert broken.read_text().startswith("#!/bin/sh")
    assert left_overs(tmp_path) == []


def test_low_disk_is_said_before_anything_is_fetched(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(archive())
    with pytest.raises(InstallError, match=r"0\.5 GB free, and the installation needs 1 GB"):
        install_engine(
            ignore, {"PATH": ""}, root=tmp_path, sources=publisher.sources, free_bytes=lambda _folder: 500_000_000
        )
    assert publisher.asked == []


def test_folder_that_cannot_be_written(publisher: Publisher, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.touch()
    with pytest.raises(InstallError, match="the engine can't be written there: Not a directory"):
        install(publisher, blocker / "engine")


def test_two_installations_at_once_do_the_work_once(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(archive())
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(install(publisher, tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert found[0] == found[1] == found[2]
    assert publisher.asked.count(NAME) == 1


def test_interrupt_leaves_nothing_half_made(publisher: Publisher, tmp_path: Path) -> None:
    def interrupt(progress: InstallProgress) -> None:
        if progress.stage is Stage.UNPACK:
            raise KeyboardInterrupt

    publisher.publish(archive())
    with pytest.raises(KeyboardInterrupt):
        install_engine(
            interrupt, {"PATH": ""}, root=tmp_path, sources=publisher.sources, free_bytes=lambda _folder: PLENTY
        )
    assert not (tmp_path / ENGINE_VERSION).exists()
    assert left_overs(tmp_path) == []
    install(publisher, tmp_path)


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux-x64"),
        ("Linux", "aarch64", "linux-arm64"),
        ("Darwin", "arm64", "darwin-arm64"),
        ("Darwin", "x86_64", "darwin-x64"),
    ],
)
def test_platforms(system: str, machine: str, name: str) -> None:
    assert archive_name(system, machine) == f"pulumi-v{ENGINE_VERSION}-{name}.tar.gz"


def test_platform_without_a_release() -> None:
    with pytest.raises(UnreachableError, match="there is no release for Linux on riscv64"):
        archive_name("Linux", "riscv64")
