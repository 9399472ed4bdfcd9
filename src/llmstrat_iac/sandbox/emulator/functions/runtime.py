"""What Lambda's managed Python runtime gives a function: a bare interpreter, boto3 and its environment.

The caller's environment never reaches a function. Imports that the managed runtime doesn't have fail here too.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from llmstrat_iac.sandbox.environment import GUARD_FOLDER, PROXY_VARIABLES

_MANAGED_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
_BOOTSTRAP = """\
import sys
sys.exit("no managed Python runtime here: an exec wrapper must run its own Runtime API loop, not its arguments")
"""
_RESERVED = frozenset(
    {"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API"}
)


@functools.cache
def scratch() -> Path:
    """This emulator's folder for unpacked code; removed by `remove_scratch`."""
    return Path(tempfile.mkdtemp(prefix="llmstrat-lambda-"))


def remove_scratch() -> None:
    """Delete all unpacked code."""
    if scratch.cache_info().currsize:
        shutil.rmtree(scratch(), ignore_errors=True)


@functools.cache
def runtime_folder() -> Path:
    """A `/var/runtime`: the packages of the managed runtime, a `python3`, and a bootstrap that explains itself."""
    folder = scratch() / "runtime"
    (folder / "bin").mkdir(parents=True)
    for name in _MANAGED_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            (folder / source.name).symlink_to(source)
    (folder / "bootstrap.py").write_text(_BOOTSTRAP)
    python = folder / "bin" / "python3"
    # A script, not a link: a link into a virtual environment would bring its packages along.
    python.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).resolve()}" -s "$@"\n')
    python.chmod(0o755)
    (folder / "bin" / "python").symlink_to(python)
    return folder


def unpack(code: bytes, sha256: str) -> Path:
    """The function's `/var/task`, unpacked once for each code hash, with the modes of the archive."""
    target = scratch() / "code" / sha256.replace("/", "_").replace("=", "")
    if target.exists():
        return target
    staging = Path(tempfile.mkdtemp(dir=scratch()))
    with zipfile.ZipFile(BytesIO(code)) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, staging)
            mode = entry.external_attr >> 16 & 0o7777
            if mode and not entry.is_dir():
                Path(path).chmod(mode)
    target.parent.mkdir(exist_ok=True)
    staging.rename(target)
    return target


def command(task_root: Path, wrapper: str) -> list[str]:
    """The wrapper, its arguments being what the managed runtime would run; `/var/task` is the unpacked code."""
    located = task_root / wrapper.removeprefix("/var/task/") if wrapper.startswith("/var/task/") else Path(wrapper)
    runtime = runtime_folder()
    return [str(located), str(runtime / "bin" / "python3"), str(runtime / "bootstrap.py")]


def environment(config: Mapping[str, Any], task_root: Path, runtime_api: str, log_group: str) -> dict[str, str]:
    """Lambda's variables, the function's own, and where AWS is here."""
    runtime = runtime_folder()
    region, account = config["FunctionArn"].split(":")[3:5]
    own = {
        name: value
        for name, value in ((config.get("Environment") or {}).get("Variables") or {}).items()
        if name not in _RESERVED
    }
    return {
        "PATH": f"{runtime / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": tempfile.gettempdir(),
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
        "AWS_EC2_METADATA_DISABLED": "true",
        **{name: os.environ[name] for name in PROXY_VARIABLES if name in os.environ},
        **own,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(GUARD_FOLDER), str(runtime), own.get("PYTHONPATH")])),
        "PYTHONNOUSERSITE": "1",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', 'python3.13')}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_SESSION_TOKEN": "sandbox",
        "LAMBDA_TASK_ROOT": str(task_root),
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "_HANDLER": config.get("Handler", ""),
    }
