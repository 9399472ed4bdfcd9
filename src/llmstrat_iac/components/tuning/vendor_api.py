"""A vendor's REST API over urllib3: JSON in and out, patience with what passes, errors without any key in them.

The base URL is the vendor's own, or what the target puts in its place. Imported by the providers' process: light.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import urllib3

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.target import Target

_TIMEOUT = urllib3.Timeout(connect=10, read=300)
_ATTEMPTS = 5
_FIRST_PAUSE = 0.5
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_SHOWN = 500


class VendorError(LlmstratError):
    """The vendor refused a request, or couldn't be reached."""

    def __init__(self, message: str, *, status: int | None, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


class VendorApi:
    """One vendor's API under one base URL. `headers` are asked for anew with each request: tokens end."""

    def __init__(
        self,
        name: str,
        base_url: str,
        headers: Callable[[], Mapping[str, str]],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = name
        self._base_url = base_url.rstrip("/")
        self._headers = headers
        self._sleep = sleep
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)

    def get(self, path: str, **query: str) -> Any:
        """GET, parsed."""
        return self._send("GET", path, fields=query)

    def find(self, path: str) -> Any:
        """GET, parsed; None if there is no such thing."""
        try:
            return self.get(path)
        except VendorError as error:
            if error.status == 404:
                return None
            raise

    def post(self, path: str, document: Mapping[str, Any] | None = None, *, repeats: bool = True) -> Any:
        """POST a document. One that must not be done twice isn't repeated when its outcome isn't known."""
        headers = {"content-type": "application/json"}
        return self._send("POST", path, body=json.dumps(document or {}), headers=headers, repeats=repeats)

    def upload(self, path: str, body: bytes | BinaryIO, headers: Mapping[str, str]) -> Any:
        """POST a body as it is."""
        return self._send("POST", path, body=body, headers=headers)

    def delete(self, path: str) -> bool:
        """DELETE; whether there was such a thing."""
        try:
            self._send("DELETE", path)
        except VendorError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, repeats: bool = True, **options: Any
    ) -> Any:
        pause = _FIRST_PAUSE
        for attempt in range(1, _ATTEMPTS + 1):
            if attempt > 1 and isinstance(options.get("body"), io.IOBase):
                options["body"].seek(0)
            try:
                response = self._pool.request(
                    method, self._base_url + path, headers={**self._headers(), **(headers or {})}, **options
                )
            except urllib3.exceptions.HTTPError as error:
                if attempt == _ATTEMPTS or not repeats:
                    raise self._unreachable(error) from None
            else:
                if response.status < 300:
                    return json.loads(response.data) if response.data else {}
                # 429 says that nothing was done, the others don't.
                passing = response.status in _PASSING and (repeats or response.status == 429)
                if attempt == _ATTEMPTS or not passing:
                    raise self._refused(method, path, response)
            self._sleep(pause)
            pause *= 2
        raise AssertionError("the last attempt returns or raises")

    def _unreachable(self, error: Exception) -> VendorError:
        return VendorError(
            f"{self._name} can't be reached: {type(error).__name__}", status=None, remedy="check the network, try again"
        )

    def _refused(self, method: str, path: str, response: urllib3.BaseHTTPResponse) -> VendorError:
        remedies = {401: "check the key that `tuning.credentials` names", 403: "check what the key may do"}
        return VendorError(
            f"{self._name}: {method} {path.partition('?')[0]}: HTTP {response.status}: {_message(response.data)}",
            status=response.status,
            remedy=remedies.get(response.status, "correct the cause and run it again"),
        )


def base_url(name: str, default: str) -> str:
    """Where the vendor's API is, as the environment's target says."""
    return Target.from_environment(os.environ).upstreams.get(name, default)


def read_key(reference: str, region: str) -> str:
    """The key that a spec's credentials name: `env:VARIABLE`, or a Secrets Manager secret."""
    if reference.startswith("env:"):
        variable = reference.removeprefix("env:")
        value = os.environ.get(variable, "").strip()
        if not value:
            raise LlmstratError(
                f"tuning.credentials: the environment variable `{variable}` is not set", remedy=f"export {variable}=…"
            )
        return value
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.client("secretsmanager", region_name=region)
        value = str(client.get_secret_value(SecretId=reference)["SecretString"]).strip()
    except (BotoCoreError, ClientError) as error:
        raise LlmstratError(
            f"tuning.credentials: the secret `{reference}` can't be read ({type(error).__name__})",
            remedy="whoever deploys needs secretsmanager:GetSecretValue on it",
        ) from None
    if value.startswith("{") and "api_key" in (document := json.loads(value)):
        return str(document["api_key"])
    return value


@contextmanager
def multipart(fields: Mapping[str, str], file: Path, name: str) -> Iterator[tuple[BinaryIO, dict[str, str]]]:
    """A form with a file in it, as a temporary file, since the file may be large; and its headers."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    with tempfile.TemporaryFile() as form, file.open("rb") as content:
        form.write("".join(parts).encode())
        shutil.copyfileobj(content, form)
        form.write(f"\r\n--{boundary}--\r\n".encode())
        length = form.tell()
        form.seek(0)
        headers = {"content-type": f"multipart/form-data; boundary={boundary}", "content-length": str(length)}
        yield form, headers


def pages(api: VendorApi, path: str, key: str, **query: str) -> Iterator[Any]:
    """All items of a list whose pages follow `nextPageToken`."""
    token = ""
    while True:
        answer = api.get(path, **query, **({"pageToken": token} if token else {}))
        yield from answer.get(key) or ()
        token = answer.get("nextPageToken") or ""
        if not token:
            return


def _message(body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:_SHOWN]
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace")[:_SHOWN] or "(empty)"
