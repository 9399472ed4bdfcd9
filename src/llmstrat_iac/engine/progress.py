"""How an installation reports what it is doing. Data only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    WAIT = "waiting for another installation"
    DOWNLOAD = "downloading"
    UNPACK = "unpacking"
    MODULES = "fetching Go modules"
    BUILD_CLI = "building the Pulumi command line"
    BUILD_HOST = "building the Python language host"
    CHECK = "checking"


@dataclass(frozen=True)
class InstallProgress:
    """`done` of `total` are bytes for a download and packages for a build; a total of 0 is unknown."""

    stage: Stage
    done: int
    total: int
    detail: str


OnProgress = Callable[[InstallProgress], None]
