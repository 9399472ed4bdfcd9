"""The script that copies models from the hub: what it takes, what it checks, and who sees the token."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llmstrat_iac.components.sagemaker.hub_download import DownloadError, Hub, main, wanted

REVISION = "a" * 40
TOKEN = "hf_secret"
WEIGHTS = bytes(range(256)) * 40


@dataclass
class FakeHub:
    """The hub, and the storage that it redirects to, on two ports."""

    files: dict[str, bytes]
    gated: bool = False
    breaks: int = 0
    """So many downloads end in the middle."""
    sizes: dict[str, int] = field(default_factory=dict)
    """What the hub says instead of the truth."""
    digest: str | None = None
    tokens_at_hub: list[str | None] = field(default_factory=list)
    tokens_at_storage: list[str | None] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    url: str = ""
    storage_url: str = ""

    def tree(self) -> list[dict[str, object]]:
        return [{"type": "directory", "path": "original"}, *map(self._entry, self.files)]

    def _entry(self, path: str) -> dict[str, object]:
        content = self.files[path]
        entry: dict[str, object] = {"type": "file", "path": path, "size": self.sizes.get(path, len(content))}
        if path.endswith(".safetensors"):
            entry["lfs"] = {"oid": self.digest or hashlib.sha256(content).hexdigest(), "size": entry["size"]}
        return entry


def handler(hub: FakeHub, *, storage: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            (hub.tokens_at_storage if storage else hub.tokens_at_hub).append(self.headers.get("Authorization"))
            if storage:
                self._send_file(hub.files[self.path.removeprefix("/blob/")])
            elif hub.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.send_error(401)
            elif self.path.startswith("/api/models/"):
                self._send_tree()
            else:
                self.send_response(302)
                path = self.path.partition(f"/resolve/{REVISION}/")[2]
                self.send_header("Location", f"{hub.storage_url}/blob/{path}")
                self.end_headers()

        def _send_tree(self) -> None:
            """Two pages."""
            tree, second = hub.tree(), "cursor=2" in self.path
            body = json.dumps(tree[2:] if second else tree[:2]).encode()
            self.send_response(200)
            if not second:
                self.send_header("Link", f'<{hub.url}{self.path}&cursor=2>; rel="next"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _send_file(self, content: bytes) -> None:
            asked = self.headers.get("Range")
            hub.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            rest = content[start:]
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            if hub.breaks:
                hub.breaks -= 1
                rest = rest[: len(rest) // 2]
            self.wfile.write(rest)

    return Handler


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    fake = FakeHub({
        "config.json": b"{}",
        "model-00001.safetensors": WEIGHTS,
        "pytorch_model.bin": b"the same again",
        "original/consolidated.00.pth": b"and again",
        ".gitattributes": b"",
    })  # fmt: skip
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler(fake, storage=storage)) for storage in (False, True)]
    fake.url, fake.storage_url = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    yield fake
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def copy(hub: FakeHub, root: Path) -> int:
    code = root / "input/data/code"
    code.mkdir(parents=True)
    plan = {"models": [{"id": "org/model", "revision": REVISION, "folder": "model"}]}
    (code / "copy.json").write_text(json.dumps(plan), encoding="utf-8")
    return main({"HF_ENDPOINT": hub.url}, root)


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_configuration_and_safetensors_are_copied_and_nothing_else(hub: FakeHub, tmp_path: Path) -> None:
    assert copy(hub, tmp_path) == 0
    assert files_of(tmp_path / "model") == {"model/config.json", "model/model-00001.safetensors"}
    assert (tmp_path / "model/model/model-00001.safetensors").read_bytes() == WEIGHTS


def test_the_token_goes_to_the_hub_and_not_to_where_it_redirects(hub: FakeHub, tmp_path: Path) -> None:
    hub.gated = True
    Hub(hub.url, TOKEN).download("org/model", REVISION, tmp_path)
    assert set(hub.tokens_at_hub) == {f"Bearer {TOKEN}"}
    assert hub.tokens_at_storage
    assert set(hub.tokens_at_storage) == {None}


def test_a_broken_download_goes_on_where_it_ended(hub: FakeHub, tmp_path: Path) -> None:
    hub.files = {"model.safetensors": WEIGHTS, "config.json": b"{}"}
    hub.breaks = 2
    Hub(hub.url, None, pause=0.0).download("org/model", REVISION, tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS
    assert [each for each in hub.ranges if each is not None][:1] == [f"bytes={len(WEIGHTS) // 2}-"]


def test_what_differs_from_the_hubs_digest_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    hub.digest = "0" * 64
    with pytest.raises(DownloadError, match="SHA-256 differs"):
        Hub(hub.url, None).download("org/model", REVISION, tmp_path)


def test_a_refusal_is_the_jobs_failure_and_names_no_token(hub: FakeHub, tmp_path: Path) -> None:
    hub.gated = True
    assert copy(hub, tmp_path) == 1
    failure = (tmp_path / "output/failure").read_text(encoding="utf-8")
    assert "401" in failure
    assert "may the token's owner read it" in failure
    assert TOKEN not in failure


def test_a_model_without_safetensors_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    hub.files = {"pytorch_model.bin": WEIGHTS, "config.json": b"{}"}
    with pytest.raises(DownloadError, match="no safetensors"):
        Hub(hub.url, None).download("org/model", REVISION, tmp_path)


def test_an_adapters_files_are_wanted() -> None:
    files = [{"path": name} for name in ("adapter_config.json", "adapter_model.safetensors", "README.md", "x.gguf")]
    assert [each["path"] for each in wanted(files)] == ["adapter_config.json", "adapter_model.safetensors", "README.md"]
