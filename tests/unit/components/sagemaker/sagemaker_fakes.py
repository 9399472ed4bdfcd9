"""Stand-ins for boto3's clients, whose listings come in one page each and whose deletions are written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


class Client:
    """Answers by operation; a callable answers by arguments, an exception is raised."""

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._answers = answers

    def get_paginator(self, operation: str) -> Pages:
        return Pages(self, operation)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **asked: self.answer(operation, asked)

    def answer(self, operation: str, asked: dict[str, Any]) -> Any:
        self.calls.append((operation, asked))
        found = self._answers.get(operation, {})
        if isinstance(found, Exception):
            raise found
        return found(**asked) if callable(found) else found


class Pages:
    def __init__(self, client: Client, operation: str) -> None:
        self._client = client
        self._operation = operation

    def paginate(self, **asked: Any) -> Iterator[Any]:
        yield self._client.answer(self._operation, asked)


class Session:
    """Clients by service; one that isn't given knows of nothing."""

    def __init__(self, **clients: Client) -> None:
        self._clients = {name.replace("_", "-"): client for name, client in clients.items()}

    def client(self, service_name: str) -> Client:
        return self._clients.setdefault(service_name, Client())
