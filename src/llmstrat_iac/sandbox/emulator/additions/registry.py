"""The shape of an addition, the check against the installed upstream, and the one way a function is replaced."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llmstrat_iac.errors import SandboxError

API_GATEWAY = "ministack.services.apigateway_v1"
LAMBDA = "ministack.services.lambda_svc"
BEDROCK = "ministack.services.bedrock"
IAM = "ministack.services.iam"
S3 = "ministack.services.s3"


@dataclass(frozen=True)
class Seam:
    """A function of upstream that an addition wraps or calls, with the leading parameters it relies on."""

    module: str
    function: str
    parameters: tuple[str, ...]

    def problem(self) -> str | None:
        """What is different from what the addition was written against, if anything."""
        function = getattr(importlib.import_module(self.module), self.function, None)
        if function is None:
            return f"{self.module}.{self.function} is gone"
        found = tuple(inspect.signature(function).parameters)
        if found[: len(self.parameters)] != self.parameters:
            return f"{self.module}.{self.function} now takes {found}"
        return None


@dataclass(frozen=True)
class Addition:
    """One gap of upstream and what fills it."""

    name: str
    why: str
    since: str
    before: str
    seams: tuple[Seam, ...]
    install: Callable[[], None]

    def check(self, installed: str) -> None:
        """Fail if the installed version is outside the range this was written for, or a seam has changed."""
        if not _numbers(self.since) <= _numbers(installed) < _numbers(self.before):
            self._refuse(f"ministack {installed} is outside >={self.since},<{self.before}")
        for seam in self.seams:
            problem = seam.problem()
            if problem:
                self._refuse(f"ministack {installed}: {problem}")

    def _refuse(self, reason: str) -> None:
        raise SandboxError(
            f"the emulator's addition `{self.name}` can't be installed: {reason}",
            remedy='install the tested emulator: pip install "llmstrat-iac[sandbox]"',
        )


def wrap(module: str, function: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a module's function by `around(original)`."""
    owner = importlib.import_module(module)
    setattr(owner, function, around(getattr(owner, function)))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
