"""Google's REST APIs as the tests call them: plain requests with a token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3

PARENT = "projects/p/locations/us-central1"
BASE = "gemini-2.5-flash"


def line(question: str = "q") -> str:
    """One record as Google takes it."""
    turns = [{"role": "user", "parts": [{"text": question}]}, {"role": "model", "parts": [{"text": "a"}]}]
    return json.dumps({"contents": turns})


@dataclass(frozen=True)
class Google:
    """The vendor's Google surfaces; every call returns status and parsed body."""

    url: str
    token: str = "ya29.test"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request; `path` is under the vendor's root."""
        sent = {"authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(method, f"{self.url}{path}", body=content, headers=sent)
        return answer.status, json.loads(answer.data) if answer.data.startswith((b"{", b"[")) else answer.data

    def vertex(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request to the tuning API."""
        return self.call(method, f"/vertex/v1beta1/{path}", body, **headers)

    def put(self, bucket: str, name: str, content: bytes) -> str:
        """Upload an object; returns its `gs://` URI."""
        query = f"uploadType=media&name={quote(name, safe='')}"
        status, _ = self.call("POST", f"/gcs/upload/storage/v1/b/{bucket}/o?{query}", content)
        assert status == 200
        return f"gs://{bucket}/{name}"
