"""The errors that a user can fix: raised anywhere, printed once by the command line. Others keep their traceback."""

from __future__ import annotations


class LlmstratError(Exception):
    """A problem the user can fix: one clear message and, on a line of its own, what to do about it."""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message}\n  {self.remedy}"


class SpecError(LlmstratError):
    """The spec file can't be read or doesn't say what it must."""


class PluginError(LlmstratError):
    """A plugin is unknown, broken, or collides with another."""


class EngineError(LlmstratError):
    """The Pulumi engine is missing, too old, or refused the operation."""


class SandboxError(LlmstratError):
    """The embedded sandbox can't start, or one of its processes died."""


class CredentialError(LlmstratError):
    """A secret or AWS credential that the operation needs isn't there."""
