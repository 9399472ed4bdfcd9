"""Runs in a small training job: downloads models from the Hugging Face hub into the job's output, which is in S3.

Stdlib only, and boto3 where a token has to be read; it knows nothing of the toolkit. Every file is compared with the
hub's own size and, where the hub states one, SHA-256. The token goes to the hub and to nobody that it redirects to.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

HUB = "https://huggingface.co"
ROOT = Path("/opt/ml")
ATTEMPTS = 5
_CHUNK = 8 * 1024 * 1024
_SAFE = ".safetensors"
_OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".gguf", ".ot", ".tflite")


class DownloadError(Exception):
    """What the job reports as its failure; never contains the token."""


def main(environment: Mapping[str, str], root: Path = ROOT) -> int:
    """Download what `copy.json` lists; the reason of a failure goes where SageMaker looks for it."""
    try:
        plan = json.loads((root / "input/data/code/copy.json").read_text(encoding="utf-8"))
        hub = Hub(environment.get("HF_ENDPOINT", HUB), read_token(environment))
        for model in plan["models"]:
            hub.download(model["id"], model["revision"], root / "model" / model["folder"])
    except DownloadError as error:
        failure = root / "output/failure"
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(str(error), encoding="utf-8")
        print(error, file=sys.stderr)  # noqa: T201 - the job's log
        return 1
    return 0


def read_token(environment: Mapping[str, str]) -> str | None:
    """The hub's token from Secrets Manager, by the job's role; None if no secret is named."""
    name = environment.get("LLMSTRAT_TOKEN_SECRET")
    if name is None:
        return None
    import boto3

    try:
        value = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    except Exception as error:
        raise DownloadError(f"the secret {name} can't be read: {type(error).__name__}") from error
    return str(value).strip()


class Hub:
    """The hub's API, and its files."""

    def __init__(self, url: str, token: str | None, pause: float = 2.0) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._pause = pause
        self._opener = urllib.request.build_opener(_Redirects())

    def download(self, model: str, revision: str, folder: Path) -> None:
        """All files that serving needs; LFS pointers' digests are checked."""
        files = wanted(list(self._files(model, revision)))
        if not any(file["path"].endswith(_SAFE) for file in files):
            raise DownloadError(f"{model} has no safetensors at {revision}: nothing else is loaded")
        for file in files:
            target = folder / file["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            self._fetch(f"{self._url}/{model}/resolve/{revision}/{quote(file['path'])}", target, file)
            print(f"{model}: {file['path']} ({file['size']} bytes)", flush=True)  # noqa: T201 - the job's log

    def _files(self, model: str, revision: str) -> Iterator[dict[str, Any]]:
        url: str | None = f"{self._url}/api/models/{model}/tree/{revision}?recursive=true"
        while url is not None:
            with self._open(url, 0) as response:
                yield from (entry for entry in json.load(response) if entry["type"] == "file")
                url = _next_page(response.headers.get("Link"))

    def _fetch(self, url: str, target: Path, file: Mapping[str, Any]) -> None:
        for attempt in range(ATTEMPTS):
            try:
                self._continue(url, target, int(file["size"]))
                break
            except (OSError, HTTPException) as error:
                if attempt == ATTEMPTS - 1:
                    raise DownloadError(f"{url} can't be downloaded: {type(error).__name__}: {error}") from error
                time.sleep(self._pause * 2**attempt)
        digest = (file.get("lfs") or {}).get("oid")
        if target.stat().st_size != file["size"] or (digest is not None and _sha256(target) != digest):
            raise DownloadError(f"{url} isn't what the hub says: size or SHA-256 differs")

    def _continue(self, url: str, target: Path, size: int) -> None:
        """The rest of a file, appended to what an attempt before has left."""
        done = target.stat().st_size if target.exists() else 0
        if done == size and target.exists():
            return
        with self._open(url, done) as response, target.open("ab" if response.status == 206 else "wb") as out:
            while chunk := response.read(_CHUNK):
                out.write(chunk)
        if target.stat().st_size < size:
            raise OSError("the connection ended early")

    def _open(self, url: str, offset: int) -> Any:
        headers = {"User-Agent": "llmstrat-iac"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if offset:
            headers["Range"] = f"bytes={offset}-"
        try:
            return self._opener.open(urllib.request.Request(url, headers=headers), timeout=60)  # noqa: S310 - https
        except urllib.error.HTTPError as error:
            if error.code in (401, 403, 404):
                raise DownloadError(
                    f"{url}: {error.code} {error.reason}: is the revision right, and may the token's owner read it?"
                ) from error
            raise


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Files are on other hosts, which have their own signature in the URL and must not see the token."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            new.remove_header("Authorization")
        return new


def wanted(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Configuration, tokenizer and safetensors; not the same weights in other formats, nor the originals."""
    return [
        file
        for file in files
        if not file["path"].endswith(_OTHER_WEIGHTS)
        and not file["path"].startswith((".", "original/", "metal/"))
        and file["path"] != "consolidated.safetensors"
    ]


def _next_page(link: str | None) -> str | None:
    for part in (link or "").split(","):
        url, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            return url.strip().strip("<>")
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main(os.environ))
