"""Builds the engine with Go from the pinned modules, for networks that reach package registries and nothing else.

Go's own proxy settings and flags are respected; the pinned `go.sum` decides what is accepted.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llmstrat_iac.engine.locate import PYTHON_DYNAMIC, PYTHON_EXEC, PYTHON_HOST
from llmstrat_iac.engine.modules import CLI_MODULE, HOST_MODULE, copy_module
from llmstrat_iac.engine.progress import InstallProgress, OnProgress, Stage
from llmstrat_iac.engine.versions import ENGINE_VERSION, GO_MINIMUM, PYTHON_HOST_VERSION
from llmstrat_iac.errors import EngineError

NEEDED_BYTES = 4_000_000_000
"""Go's module and build caches take most of it."""

SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
_VERSION_SYMBOL = f"{SDK_MODULE}/go/common/version.Version"
_GO_REMEDY = f"install Go {'.'.join(map(str, GO_MINIMUM))} or later, or put a Pulumi on PATH"
_FETCHING = "go: downloading "


class BuildError(EngineError):
    """The engine can't be built here."""


@dataclass(frozen=True)
class _Target:
    """One executable. `packages` is how many are compiled for it from nothing, as `go list -deps` counted them."""

    module: str
    package: str
    version: str
    executable: str
    stage: Stage
    packages: int


_TARGETS = (
    _Target(CLI_MODULE, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", ENGINE_VERSION, "pulumi", Stage.BUILD_CLI, 1686),
    _Target(
        HOST_MODULE,
        f"{SDK_MODULE}/python/cmd/{PYTHON_HOST}",
        PYTHON_HOST_VERSION,
        PYTHON_HOST,
        Stage.BUILD_HOST,
        534,
    ),
)
# What the language host needs besides itself is shipped in the module as scripts.
_SCRIPTS = (Path("python/cmd") / PYTHON_EXEC, Path("python/dist") / PYTHON_DYNAMIC)


def find_go(environment: Mapping[str, str]) -> Path | None:
    found = shutil.which("go", path=environment.get("PATH", os.defpath))
    return Path(found) if found else None


def go_version(go: Path, environment: Mapping[str, str], cwd: Path | None = None) -> tuple[int, int] | None:
    """The version of Go that is used in `cwd`; None when it doesn't say. A newer toolchain may be fetched by Go."""
    answer = subprocess.run(
        [go, "env", "GOVERSION"], env=dict(environment), cwd=cwd, capture_output=True, text=True, check=False
    )
    match = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match and answer.returncode == 0 else None


def build_engine(bin_dir: Path, on_progress: OnProgress, environment: Mapping[str, str]) -> None:
    """Fill `bin_dir` with executables built from the pinned modules; scratch files go beside it."""
    go = find_go(environment)
    if go is None:
        raise BuildError("Go isn't installed, and the engine has to be built", remedy=_GO_REMEDY)
    scratch = bin_dir.parent / "modules"
    modules = {target.module: copy_module(target.module, scratch) for target in _TARGETS}
    version = go_version(go, environment, modules[CLI_MODULE])
    if version is None or version < GO_MINIMUM:
        said = ".".join(map(str, version)) if version else "too old for the pinned modules"
        raise BuildError(f"`{go}` is {said}, and the engine needs a newer Go to be built", remedy=_GO_REMEDY)
    bin_dir.mkdir(parents=True, exist_ok=True)
    for target in _TARGETS:
        _build(go, target, modules[target.module], bin_dir, on_progress, environment)
    _copy_scripts(go, modules[HOST_MODULE], bin_dir, environment)


def _build(
    go: Path,
    target: _Target,
    module: Path,
    bin_dir: Path,
    on_progress: OnProgress,
    environment: Mapping[str, str],
) -> None:
    command = [
        *(str(go), "build", "-mod=readonly", "-trimpath", "-v"),
        *("-ldflags", f"-s -w -X {_VERSION_SYMBOL}=v{target.version}"),
        *("-o", str(bin_dir / target.executable), target.package),
    ]
    on_progress(InstallProgress(target.stage, 0, target.packages, target.executable))
    last: deque[str] = deque(maxlen=20)
    code = _run(command, module, environment, _Reporter(target, on_progress, last))
    if code != 0:
        raise _explain(target, code, last)


class _Reporter:
    """Counts what Go says: a line for each module that it fetches and for each package that it compiles."""

    def __init__(self, target: _Target, on_progress: OnProgress, last: deque[str]) -> None:
        self._target = target
        self._on_progress = on_progress
        self._last = last
        self._fetched = 0
        self._compiled = 0

    def __call__(self, line: str) -> None:
        self._last.append(line)
        if line.startswith(_FETCHING):
            self._fetched += 1
            detail = line.removeprefix(_FETCHING)
            self._on_progress(InstallProgress(Stage.MODULES, self._fetched, 0, detail))
        elif line and " " not in line:
            self._compiled += 1
            done = min(self._compiled, self._target.packages)
            self._on_progress(InstallProgress(self._target.stage, done, self._target.packages, line))


def _run(command: Sequence[str], cwd: Path, environment: Mapping[str, str], report: _Reporter) -> int:
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        with process.stdout:
            for line in process.stdout:
                report(line.strip())
        return process.wait()
    except BaseException:
        # Go's compilers are its children and would go on for minutes.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _explain(target: _Target, code: int, last: deque[str]) -> BuildError:
    said = "\n".join(last)
    if "no space left on device" in said:
        return BuildError(
            f"{target.executable}: the disk is full",
            remedy=f"free {NEEDED_BYTES / 1e9:.0f} GB; Go's caches can be emptied with `go clean -cache -modcache`",
        )
    if any(sign in said for sign in ("dial tcp", "no such host", "i/o timeout", "connection refused")):
        return BuildError(
            f"{target.executable}: Go can't reach its module proxy: {last[-1]}",
            remedy="check the network and `go env GOPROXY`",
        )
    words = last[-1] if last else f"it ended with {code} and said nothing"
    return BuildError(f"{target.executable}: `go build` failed: {words}", remedy="run `llmstrat doctor`")


def _copy_scripts(go: Path, module: Path, bin_dir: Path, environment: Mapping[str, str]) -> None:
    answer = subprocess.run(
        [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", SDK_MODULE],
        cwd=module,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    folder = Path(answer.stdout.strip())
    for script in _SCRIPTS:
        source = folder / script
        if answer.returncode != 0 or not source.is_file():
            raise BuildError(
                f"{script.name}: isn't in the module `{SDK_MODULE}` v{PYTHON_HOST_VERSION}",
                remedy="empty Go's module cache with `go clean -modcache` and try again",
            )
        target = bin_dir / script.name
        shutil.copyfile(source, target)
        target.chmod(0o755)
