"""Fetches the official Pulumi release, checks it against the published SHA-256, and unpacks the parts that are used.

Writes only into the folder that it is given.
"""

from __future__ import annotations

import hashlib
import http.client
import platform
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from llmstrat_iac.engine.locate import PYTHON_DYNAMIC, PYTHON_EXEC, PYTHON_HOST
from llmstrat_iac.engine.progress import InstallProgress, OnProgress, Stage
from llmstrat_iac.engine.versions import ENGINE_VERSION
from llmstrat_iac.errors import EngineError

NEEDED_BYTES = 1_000_000_000
TIMEOUT_SECONDS = 30
_CHUNK = 1 << 20
_WANTED = frozenset({"pulumi", PYTHON_HOST, PYTHON_EXEC, PYTHON_DYNAMIC})
_SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class UnreachableError(Exception):
    """The release can't be had from here: no network, no such file, or a connection that broke."""


class ChecksumError(EngineError):
    """The release that arrived isn't the one that was published."""


@dataclass(frozen=True)
class Sources:
    """Where the release and its checksums are published. They are two hosts on purpose."""

    archives: str = "https://get.pulumi.com/releases/sdk"
    checksums: str = f"https://github.com/pulumi/pulumi/releases/download/v{ENGINE_VERSION}"


OFFICIAL = Sources()


def download_release(bin_dir: Path, on_progress: OnProgress, sources: Sources = OFFICIAL) -> None:
    """Fill `bin_dir` from the official release; raise UnreachableError when it can't be had."""
    name = archive_name()
    listed = _fetch(f"{sources.checksums}/pulumi-{ENGINE_VERSION}-checksums.txt").decode("utf-8", errors="replace")
    expected = _checksum_of(name, listed)
    archive = bin_dir.parent / name
    actual = _fetch_to(f"{sources.archives}/{name}", archive, on_progress)
    if actual != expected:
        archive.unlink()
        raise ChecksumError(
            f"{name}: the SHA-256 is `{actual}`, and `{expected}` was published",
            remedy="try again; if it stays wrong, something on the network changes downloads: "
            "run `llmstrat engine install --build`",
        )
    _unpack(archive, bin_dir, on_progress)
    archive.unlink()


def archive_name(system: str | None = None, machine: str | None = None) -> str:
    """The file name of the release for this platform."""
    system, machine = system or platform.system(), machine or platform.machine()
    if system not in _SYSTEMS or machine.lower() not in _MACHINES:
        raise UnreachableError(f"there is no release for {system} on {machine}")
    return f"pulumi-v{ENGINE_VERSION}-{_SYSTEMS[system]}-{_MACHINES[machine.lower()]}.tar.gz"


def _checksum_of(name: str, listed: str) -> str:
    for line in listed.splitlines():
        digest, _, file = line.strip().partition(" ")
        if file.strip().lstrip("*") == name:
            return digest.lower()
    raise UnreachableError(f"the published checksums don't list `{name}`")


def _fetch(url: str) -> bytes:
    with _open(url) as response:
        try:
            content: bytes = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"{url}: the connection broke: {error}") from error
    return content


def _fetch_to(url: str, file: Path, on_progress: OnProgress) -> str:
    """Write what the address answers to a file and return its SHA-256."""
    digest = hashlib.sha256()
    done = 0
    with _open(url) as response, file.open("wb") as stream:
        total = int(response.headers.get("Content-Length") or 0)
        while True:
            try:
                chunk = response.read(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise UnreachableError(f"{url}: the connection broke: {error}") from error
            if not chunk:
                break
            digest.update(chunk)
            stream.write(chunk)
            done += len(chunk)
            on_progress(InstallProgress(Stage.DOWNLOAD, done, total, file.name))
    if done < total:  # a read of a given size doesn't complain about a connection that was closed early
        raise UnreachableError(f"{url}: the connection broke after {done} of {total} bytes")
    return digest.hexdigest()


def _open(url: str) -> http.client.HTTPResponse:
    try:
        # The address is built from our own constants; only tests give others.
        response: http.client.HTTPResponse = urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        raise UnreachableError(f"{url}: answered {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{url}: {getattr(error, 'reason', error)}") from error
    return response


def _unpack(archive: Path, bin_dir: Path, on_progress: OnProgress) -> None:
    """Unpack by base name into one flat folder: no path in the archive can lead anywhere else."""
    bin_dir.mkdir(parents=True, exist_ok=True)
    found = 0
    with tarfile.open(archive, "r:gz") as release:
        for member in release:
            name = Path(member.name).name
            content = release.extractfile(member) if name in _WANTED and member.isfile() else None
            if content is None:
                continue
            target = bin_dir / name
            with content, target.open("wb") as stream:
                while chunk := content.read(_CHUNK):
                    stream.write(chunk)
            target.chmod(0o755)
            found += 1
            on_progress(InstallProgress(Stage.UNPACK, found, len(_WANTED), name))
