"""Problems of a spec file: collected all at once, each with its path, what is wrong and what to do.

Models report theirs with `refuse()`, which keeps the exact place inside the block; the loader adds file, line and
column and raises one `InvalidSpecError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from llmstrat_iac.errors import SpecError

Path = tuple[str | int, ...]
PROBLEM_TYPE = "llmstrat"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a spec. Without a line it concerns the file as a whole."""

    path: Path
    message: str
    remedy: str = ""
    at_key: bool = False
    """Whether the key itself is at fault and not its value."""


@dataclass(frozen=True)
class LocatedProblem:
    """A problem with its place in the file; line and column count from 1, and 0 means the file as a whole."""

    source: str
    line: int
    column: int
    problem: Problem

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        path = format_path(self.problem.path)
        text = ": ".join(part for part in (place, path, self.problem.message) if part)
        return f"{text}\n  {self.problem.remedy}" if self.problem.remedy else text


class InvalidSpecError(SpecError):
    """Everything that is wrong with a spec, in the order of the file."""

    def __init__(self, problems: Iterable[LocatedProblem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda found: (found.line, found.column)))
        super().__init__("\n".join(str(found) for found in self.problems))


def format_path(path: Path) -> str:
    """Write a path as people do: `endpoint.consumers[0].name`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def detail(path: Path, message: str, remedy: str = "") -> InitErrorDetails:
    """A problem inside a model's validator, `path` being relative to the model."""
    error = PydanticCustomError(PROBLEM_TYPE, "{message}", {"message": message, "remedy": remedy})
    return InitErrorDetails(type=error, loc=path, input=None)


def refuse(title: str, problems: list[InitErrorDetails]) -> NoReturn:
    """Raise the problems that a model's validator has found."""
    raise ValidationError.from_exception_data(title, problems)
