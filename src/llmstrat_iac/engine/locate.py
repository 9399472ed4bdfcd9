"""Finds the Pulumi command line: `$LLMSTRAT_PULUMI`, then PATH, then the toolkit's own cache.

Keeps why a candidate was turned down, for `doctor`. Installs nothing. The version is asked once per file and remembered
beside the cache, since starting Pulumi only for that costs every command 0.15 s.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import platformdirs

from llmstrat_iac.engine.versions import ENGINE_VERSION, is_supported, parse_version
from llmstrat_iac.errors import EngineError

CLI_VARIABLE = "LLMSTRAT_PULUMI"
INSTALL_REMEDY = "run `llmstrat engine install`"
VERSION_TIMEOUT_SECONDS = 30

PYTHON_HOST = "pulumi-language-python"
PYTHON_EXEC = "pulumi-language-python-exec"
PYTHON_DYNAMIC = "pulumi-resource-pulumi-python"


class Origin(StrEnum):
    """Where a candidate came from, in the order in which they are tried."""

    ENVIRONMENT = "environment"
    PATH = "path"
    CACHE = "cache"


@dataclass(frozen=True)
class PulumiCli:
    """A Pulumi command line that can be used."""

    path: Path
    version: str
    origin: Origin

    @property
    def bin_dir(self) -> Path:
        return self.path.parent

    def beside(self, name: str) -> Path | None:
        """The path of another Pulumi executable in the same folder, if it is there."""
        path = self.bin_dir / name
        return path if os.access(path, os.X_OK) else None


@dataclass(frozen=True)
class Candidate:
    """A place that was looked at: usable when `rejected` is None."""

    path: Path
    origin: Origin
    version: str | None
    rejected: str | None

    def cli(self) -> PulumiCli | None:
        if self.rejected is not None or self.version is None:
            return None
        return PulumiCli(self.path, self.version, self.origin)


class EngineMissingError(EngineError):
    """No usable Pulumi command line was found."""


def cache_root() -> Path:
    """Where the toolkit keeps the engines that it installs."""
    return Path(platformdirs.user_cache_dir("llmstrat-iac")) / "engine"


def installed_bin_dir(root: Path | None = None) -> Path:
    return (root or cache_root()) / ENGINE_VERSION / "bin"


def find_cli(environment: Mapping[str, str], *, root: Path | None = None) -> PulumiCli:
    """Find the first usable Pulumi. A `$LLMSTRAT_PULUMI` that can't be used is an error, never passed over."""
    rejected: list[Candidate] = []
    for candidate in candidates(environment, root=root):
        cli = candidate.cli()
        if cli is not None:
            return cli
        rejected.append(candidate)
        if candidate.origin is Origin.ENVIRONMENT:
            raise EngineMissingError(
                f"{CLI_VARIABLE}: `{candidate.path}` can't be used: {candidate.rejected}",
                remedy=f"point it at Pulumi {ENGINE_VERSION} or later, or unset it and {INSTALL_REMEDY}",
            )
    why = "".join(f"\n  `{one.path}`: {one.rejected}" for one in rejected)
    raise EngineMissingError(
        f"the Pulumi engine (at least {ENGINE_VERSION}) isn't installed{why}", remedy=INSTALL_REMEDY
    )


def candidates(environment: Mapping[str, str], *, root: Path | None = None) -> Iterator[Candidate]:
    """Yield every place where Pulumi is looked for and has something, in order."""
    known = (root or cache_root()) / "versions.json"
    named = environment.get(CLI_VARIABLE)
    if named:
        path = Path(named).expanduser()
        yield examine(path / "pulumi" if path.is_dir() else path, Origin.ENVIRONMENT, known)
    on_path = shutil.which("pulumi", path=environment.get("PATH", os.defpath))
    if on_path:
        yield examine(Path(on_path), Origin.PATH, known)
    cached = installed_bin_dir(root) / "pulumi"
    if cached.exists():
        yield examine(cached, Origin.CACHE, known)


def examine(path: Path, origin: Origin, known: Path) -> Candidate:
    """Judge one executable; `known` is the file that remembers versions."""
    if not path.is_file():
        return Candidate(path, origin, None, "there is no such file")
    if not os.access(path, os.X_OK):
        return Candidate(path, origin, None, "it isn't executable")
    try:
        version = _KnownVersions(known).version_of(path)
    except _NoVersionError as error:
        return Candidate(path, origin, None, str(error))
    if not is_supported(version):
        return Candidate(path, origin, version, f"it is version {version}, and {ENGINE_VERSION} is needed")
    return Candidate(path, origin, version, None)


class _NoVersionError(Exception):
    """Asking the executable for its version failed."""


class _KnownVersions:
    """Remembers the version of each executable by path, modification time and size."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def version_of(self, path: Path) -> str:
        status = path.stat()
        fingerprint = [status.st_mtime_ns, status.st_size]
        known = self._load()
        remembered = known.get(str(path))
        if isinstance(remembered, list) and remembered[:2] == fingerprint:
            return str(remembered[2])
        version = _ask_version(path)
        self._save({**known, str(path): [*fingerprint, version]})
        return version

    def _load(self) -> dict[str, object]:
        try:
            known = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _save(self, known: dict[str, object]) -> None:
        # Only a memory: a read-only or full cache folder costs time, not the command.
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
            draft.write_text(json.dumps(known), "utf-8")
            draft.replace(self._file)


def _ask_version(path: Path) -> str:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            [path, "version"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise _NoVersionError(f"`pulumi version` didn't answer within {VERSION_TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise _NoVersionError(f"it can't be started: {error.strerror}") from None
    if answer.returncode != 0:
        detail = (answer.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise _NoVersionError(f"`pulumi version` ended with {answer.returncode}: {detail}")
    version = answer.stdout.strip()
    if parse_version(version) is None:
        raise _NoVersionError(f"`pulumi version` answered `{version[:80]}`, which isn't a version")
    return version.removeprefix("v")
