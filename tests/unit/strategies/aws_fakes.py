"""An AWS account by hand: what each call answers is said by the test, and every call is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


def error(code: str, operation: str = "Operation") -> ClientError:
    """What boto3 raises when AWS refuses."""
    return ClientError({"Error": {"Code": code, "Message": f"{code} it is"}}, operation)


@dataclass
class FakeClient:
    """One service. An answer is a value, an exception to raise, or a function of the call's arguments."""

    service: str
    answers: dict[str, Any]
    calls: list[tuple[str, str, dict[str, Any]]]

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **arguments: self._answer(operation, arguments)

    def get_paginator(self, operation: str) -> FakePaginator:
        return FakePaginator(self, operation)

    def _answer(self, operation: str, arguments: dict[str, Any]) -> Any:
        self.calls.append((self.service, operation, arguments))
        answer = self.answers.get(operation, {})
        if isinstance(answer, Exception):
            raise answer
        return answer(**arguments) if callable(answer) else answer


@dataclass
class FakePaginator:
    """All items in one page."""

    client: FakeClient
    operation: str

    def paginate(self, **arguments: Any) -> Iterator[Any]:
        yield getattr(self.client, self.operation)(**arguments)


@dataclass
class FakeAccount:
    """`answers` maps services to operations to answers; what isn't said is empty."""

    answers: dict[str, dict[str, Any]]
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def client(self, service_name: str) -> FakeClient:
        return FakeClient(service_name, self.answers.get(service_name, {}), self.calls)

    def operations(self, *prefixes: str) -> list[str]:
        """The operations called whose names begin so, in order."""
        return [operation for _, operation, _ in self.calls if operation.startswith(prefixes)]
