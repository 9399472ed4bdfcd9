"""The build from the pinned modules with a fake `go`: what it is asked, in which order, and how its failures read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmstrat_iac.engine.build import BuildError, build_engine
from llmstrat_iac.engine.install import InstallError, Method, install_engine
from llmstrat_iac.engine.modules import CLI_MODULE, FILES, HOST_MODULE, copy_module
from llmstrat_iac.engine.progress import InstallProgress, Stage
from llmstrat_iac.engine.versions import ENGINE_VERSION, PYTHON_HOST_VERSION

PLENTY = 10**12

FAKE_GO = """#!/bin/sh
# A stand-in for go: notes what it is asked, talks as go does, and "builds" scripts.
echo "$(basename "$PWD") GOFLAGS=$GOFLAGS $*" >> "$FAKE_LOG"
case "$1" in
env) echo "${FAKE_GO_VERSION:-go1.26.8}" ;;
list) echo "$FAKE_SDK" ;;
build)
  test -f go.mod || exit 9
  if [ -n "$FAKE_HANG" ]; then echo $$ > "$FAKE_HANG"; sleep 60; fi
  if [ -n "$FAKE_FAILURE" ]; then echo "$FAKE_FAILURE" >&2; exit 1; fi
  echo "go: downloading example.com/one v1.0.0" >&2
  echo "example.com/one" >&2
  echo "example.com/two" >&2
  while [ "$1" != "-o" ]; do shift; done
  printf '#!/bin/sh\\necho v%s\\n' "$FAKE_BUILT" > "$2"
  chmod +x "$2"
  ;;
esac
"""


@pytest.fixture
def go(tmp_path: Path) -> dict[str, str]:
    """An environment whose `go` is the fake one, with a module folder that has the host's scripts."""
    folder = tmp_path / "fake"
    folder.mkdir()
    (folder / "go").write_text(FAKE_GO)
    (folder / "go").chmod(0o755)
    sdk = tmp_path / "sdk"
    for script in ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"):
        (sdk / script).parent.mkdir(parents=True)
        (sdk / script).write_text("script")
        (sdk / script).chmod(0o444)
    return {
        "PATH": f"{folder}:/usr/bin:/bin",
        "FAKE_LOG": str(tmp_path / "log"),
        "FAKE_SDK": str(sdk),
        "FAKE_BUILT": ENGINE_VERSION,
        "GOFLAGS": "-buildvcs=false",
    }


def asked(go: dict[str, str]) -> list[str]:
    file = Path(go["FAKE_LOG"])
    return file.read_text().splitlines() if file.exists() else []


def ignore(_progress: InstallProgress) -> None:
    """Don't watch."""


def build(go: dict[str, str], root: Path) -> object:
    return install_engine(ignore, go, method=Method.BUILD, root=root, free_bytes=lambda _folder: PLENTY)


def test_build_asks_go_in_order_and_installs(go: dict[str, str], tmp_path: Path) -> None:
    seen: list[InstallProgress] = []
    root = tmp_path / "engine"
    cli = install_engine(seen.append, go, method=Method.BUILD, root=root, free_bytes=lambda _folder: PLENTY)
    assert cli.version == ENGINE_VERSION
    version, first, second, where = asked(go)
    assert version.endswith("env GOVERSION")
    symbol = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
    flags = "GOFLAGS=-buildvcs=false build -mod=readonly -trimpath -v -ldflags -s -w -X"
    assert first.startswith(f"cli {flags} {symbol}=v{ENGINE_VERSION} -o ")
    assert first.endswith("bin/pulumi github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
    assert second.startswith(f"python-host {flags} {symbol}=v{PYTHON_HOST_VERSION} -o ")
    assert where.startswith("python-host GOFLAGS=-buildvcs=false list -mod=readonly -m -f {{.Dir}}")
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python"):
        assert os.access(cli.bin_dir / name, os.X_OK)
    assert [file.name for file in (root / ENGINE_VERSION).iterdir()] == ["bin"]
    assert InstallProgress(Stage.MODULES, 1, 0, "example.com/one v1.0.0") in seen
    assert InstallProgress(Stage.BUILD_CLI, 2, 1686, "example.com/two") in seen
    stages = list(dict.fromkeys(one.stage for one in seen))
    assert stages == [Stage.BUILD_CLI, Stage.MODULES, Stage.BUILD_HOST, Stage.CHECK]


@pytest.mark.parametrize(
    ("change", "message", "remedy"),
    [
        ({"FAKE_GO_VERSION": "go1.25.1"}, "is 1.25, and the engine needs a newer Go", "install Go 1.26"),
        ({"FAKE_GO_VERSION": "devel"}, "is too old for the pinned modules", "install Go 1.26"),
        ({"FAKE_FAILURE": "write x: no space left on device"}, "pulumi: the disk is full", "free 4 GB"),
        ({"FAKE_FAILURE": 'Get "https://x": dial tcp: no such host'}, "can't reach its module proxy", "GOPROXY"),
        ({"FAKE_FAILURE": "checksum mismatch"}, "`go build` failed: checksum mismatch", "llmstrat doctor"),
        ({"FAKE_SDK": "/nowhere"}, "pulumi-language-python-exec: isn't in the module", "clean -modcache"),
        ({"FAKE_BUILT": "3.1.0"}, "the new engine doesn't work: it is version 3.1.0", "again"),
    ],
)
def test_failures_name_the_cause_and_leave_nothing(
    go: dict[str, str], tmp_path: Path, change: dict[str, str], message: str, remedy: str
) -> None:
    root = tmp_path / "engine"
    with pytest.raises((BuildError, InstallError)) as caught:
        build({**go, **change}, root)
    assert message in caught.value.message
    assert remedy in (caught.value.remedy or "")
    assert not (root / ENGINE_VERSION).exists()
    assert not list(root.glob(".installing-*"))


def test_no_go(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="Go isn't installed"):
        build({"PATH": str(tmp_path)}, tmp_path / "engine")


def test_low_disk_is_said_before_go_is_started(go: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"3\.0 GB free, and the installation needs 4 GB"):
        install_engine(
            ignore, go, method=Method.BUILD, root=tmp_path / "engine", free_bytes=lambda _folder: 3_000_000_000
        )
    assert asked(go) == []


def test_interrupted_build_ends_go_and_leaves_nothing(go: dict[str, str], tmp_path: Path) -> None:
    hang, root = tmp_path / "hang", tmp_path / "engine"
    code = (
        # A shell's background job, which this may run in, starts with the signal ignored.
        "import os, signal, sys; from pathlib import Path; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from llmstrat_iac.engine.install import Method, install_engine\n"
        "install_engine(lambda _p: None, dict(os.environ), method=Method.BUILD, root=Path(sys.argv[1]),"
        " free_bytes=lambda _f: 10**12)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(root)],
        env={**os.environ, **go, "FAKE_HANG": str(hang)},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (hang.exists() and hang.read_text().strip()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    with pytest.raises(ProcessLookupError):
        os.kill(int(hang.read_text()), 0)
    assert not list(root.glob(".installing-*"))
    assert not (root / ENGINE_VERSION).exists()


def test_killed_installation_is_cleared_by_the_next(go: dict[str, str], tmp_path: Path) -> None:
    left = tmp_path / "engine" / ".installing-4242" / "bin"
    left.mkdir(parents=True)
    (left / "pulumi").write_text("half")
    build(go, tmp_path / "engine")
    assert not left.exists()


@pytest.mark.parametrize("module", [CLI_MODULE, HOST_MODULE])
def test_pinned_modules_are_found_and_are_the_versions_we_say(module: str, tmp_path: Path) -> None:
    folder = copy_module(module, tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == sorted(FILES)
    go_mod = (folder / "go.mod").read_text()
    expected = {
        CLI_MODULE: f"github.com/pulumi/pulumi/pkg/v3 v{ENGINE_VERSION}",
        HOST_MODULE: f"github.com/pulumi/pulumi/sdk/v3 v{PYTHON_HOST_VERSION}",
    }
    assert expected[module] in go_mod


def test_build_engine_works_beside_its_target_only(go: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "draft").mkdir()
    build_engine(tmp_path / "draft" / "bin", ignore, go)
    assert sorted(file.name for file in (tmp_path / "draft").iterdir()) == ["bin", "modules"]
