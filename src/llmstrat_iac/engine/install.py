"""Installs the engine into the toolkit's cache: the official release, or a build where that can't be reached.

Nothing is half-made: all work is done beside the final place and moved there in one step, after the result has said its
version. One installation at a time; what an earlier one left when it was killed is cleared away.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from llmstrat_iac.engine import build, download
from llmstrat_iac.engine.download import OFFICIAL, Sources, UnreachableError, download_release
from llmstrat_iac.engine.locate import Candidate, Origin, PulumiCli, cache_root, examine, installed_bin_dir
from llmstrat_iac.engine.progress import InstallProgress, OnProgress, Stage
from llmstrat_iac.engine.versions import ENGINE_VERSION
from llmstrat_iac.errors import EngineError

_DRAFT_PREFIX = ".installing-"
_POLL_SECONDS = 0.2


class Method(StrEnum):
    """How to get the engine; the release is tried first unless one is asked for."""

    DOWNLOAD = "download"
    BUILD = "build"


class InstallError(EngineError):
    """The engine can't be installed."""


def install_engine(
    on_progress: OnProgress,
    environment: Mapping[str, str],
    *,
    method: Method | None = None,
    root: Path | None = None,
    sources: Sources = OFFICIAL,
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> PulumiCli:
    """Install this release's engine unless it is already there, and return it."""
    root = root or cache_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _only_one(root, on_progress):
            installed = _installed(root).cli()
            if installed is not None:
                return installed
            with _draft(root) as draft:
                _fill(draft / "bin", on_progress, environment, method, sources, free_bytes)
                return _publish(draft, root, on_progress)
    except OSError as error:
        raise _explain(error, root) from error


def _fill(
    bin_dir: Path,
    on_progress: OnProgress,
    environment: Mapping[str, str],
    method: Method | None,
    sources: Sources,
    free_bytes: Callable[[Path], int],
) -> None:
    unreachable: UnreachableError | None = None
    if method is not Method.BUILD:
        _check_space(bin_dir.parent, download.NEEDED_BYTES, free_bytes)
        try:
            download_release(bin_dir, on_progress, sources)
        except UnreachableError as error:
            unreachable = error
        else:
            return
    if method is Method.DOWNLOAD:
        raise InstallError(
            f"the official release can't be fetched: {unreachable}",
            remedy="check the network, or build it with `llmstrat engine install --build`",
        ) from unreachable
    _check_space(bin_dir.parent, build.NEEDED_BYTES, free_bytes)
    try:
        build.build_engine(bin_dir, on_progress, environment)
    except build.BuildError as error:
        if unreachable is None:
            raise
        raise InstallError(
            f"the official release can't be fetched ({unreachable}) and {error.message}", remedy=error.remedy
        ) from error


def _publish(draft: Path, root: Path, on_progress: OnProgress) -> PulumiCli:
    on_progress(InstallProgress(Stage.CHECK, 0, 1, "pulumi version"))
    candidate = examine(draft / "bin" / "pulumi", Origin.CACHE, draft / "modules" / "versions.json")
    if candidate.cli() is None:
        raise InstallError(
            f"the new engine doesn't work: {candidate.rejected}",
            remedy="run `llmstrat engine install` again; if it stays so, put another Pulumi on PATH",
        )
    final = root / ENGINE_VERSION
    for scratch in draft.iterdir():
        if scratch.name != "bin":
            shutil.rmtree(scratch)
    if final.exists():  # broken, or it would have been used
        final.rename(draft.with_name(f"{draft.name}-old"))
    draft.rename(final)
    on_progress(InstallProgress(Stage.CHECK, 1, 1, f"Pulumi {candidate.version}"))
    installed = _installed(root).cli()
    assert installed is not None
    return installed


def _installed(root: Path) -> Candidate:
    return examine(installed_bin_dir(root) / "pulumi", Origin.CACHE, root / "versions.json")


@contextmanager
def _only_one(root: Path, on_progress: OnProgress) -> Iterator[None]:
    """Hold the installation lock; the system releases it with the process, however that ends."""
    with (root / "install.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                on_progress(InstallProgress(Stage.WAIT, 0, 0, str(root)))
                time.sleep(_POLL_SECONDS)
        _clear_drafts(root)
        yield


@contextmanager
def _draft(root: Path) -> Iterator[Path]:
    draft = root / f"{_DRAFT_PREFIX}{os.getpid()}"
    draft.mkdir()
    try:
        yield draft
    finally:
        _clear_drafts(root)


def _clear_drafts(root: Path) -> None:
    for left in root.glob(f"{_DRAFT_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def _check_space(folder: Path, needed: int, free_bytes: Callable[[Path], int]) -> None:
    free = free_bytes(folder)
    if free < needed:
        raise InstallError(
            f"{folder.parent}: {free / 1e9:.1f} GB free, and the installation needs {needed / 1e9:.0f} GB",
            remedy="free some space, or put a Pulumi on PATH",
        )


def _explain(error: OSError, root: Path) -> InstallError:
    if error.errno == errno.ENOSPC:
        return InstallError(f"{root}: the disk became full", remedy="free some space and run it again")
    return InstallError(
        f"{root}: the engine can't be written there: {error.strerror or error}",
        remedy="make that folder writable, or put a Pulumi on PATH",
    )
