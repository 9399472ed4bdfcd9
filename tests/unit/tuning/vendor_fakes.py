"""A vendor's REST API by hand: things by path, and every request kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmstrat_iac.components.tuning.vendor_api import VendorApi, VendorError


@dataclass
class FakeApi(VendorApi):
    """`things` maps paths to answers; an answer is a value, a list to give in turn, or an exception to raise."""

    things: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    posted: list[Mapping[str, Any]] = field(default_factory=list)
    on_post: Callable[[str], Any] | None = None

    def get(self, path: str, **_query: str) -> Any:
        self.requests.append(("GET", path))
        return self._answer(path)

    def post(self, path: str, document: Mapping[str, Any] | None = None, *, repeats: bool = True) -> Any:
        self.requests.append(("POST", path))
        self.posted.append(document or {})
        return self.on_post(path) if self.on_post else {}

    def delete(self, path: str) -> bool:
        self.requests.append(("DELETE", path))
        return self.things.pop(path, None) is not None

    def upload(self, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        self.requests.append(("UPLOAD", path))
        self.posted.append({"body": body.read(), **headers})
        return {"id": "file-1"}

    def did(self, method: str) -> list[str]:
        """The paths of all requests with this method."""
        return [path for verb, path in self.requests if verb == method]

    def _answer(self, path: str) -> Any:
        if path not in self.things:
            raise VendorError(f"{path} isn't there", status=404, remedy="")
        answer = self.things[path]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer
