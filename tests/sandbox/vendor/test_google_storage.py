"""Google's object storage and token endpoint, as far as an upload needs them."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from google_kit import Google

OBJECTS = "/gcs/storage/v1/b/files/o"
UPLOAD = "/gcs/upload/storage/v1/b/files/o"


@pytest.fixture(scope="module")
def google(vendor_url: str) -> Google:
    return Google(vendor_url)


def test_an_object_is_kept_until_it_is_deleted(google: Google) -> None:
    google.put("files", "a/train.jsonl", b"{}")
    _, found = google.call("GET", f"{OBJECTS}/a%2Ftrain.jsonl")
    assert (found["name"], found["size"]) == ("a/train.jsonl", "2")
    assert google.call("GET", f"{OBJECTS}/a%2Ftrain.jsonl?alt=media")[1] == {}
    _, listed = google.call("GET", f"{OBJECTS}?prefix=a/")
    assert [item["name"] for item in listed["items"]] == ["a/train.jsonl"]
    assert google.call("DELETE", f"{OBJECTS}/a%2Ftrain.jsonl")[0] == 204
    assert google.call("GET", f"{OBJECTS}/a%2Ftrain.jsonl")[0] == 404


def test_a_multipart_upload_carries_metadata(google: Google) -> None:
    head = json.dumps({"name": "with-metadata", "metadata": {"hash": "1"}})
    body = (
        f"--x\r\nContent-Type: application/json\r\n\r\n{head}\r\n"
        "--x\r\nContent-Type: text/plain\r\n\r\ncontent\r\n--x--\r\n"
    )
    kind = {"content_type": "multipart/related; boundary=x"}
    status, found = google.call("POST", f"{UPLOAD}?uploadType=multipart", body.encode(), **kind)
    assert (status, found["size"], found["metadata"]) == (200, "7", {"hash": "1"})


def test_a_resumable_upload_goes_on_where_it_was(google: Google) -> None:
    with urllib3.PoolManager(retries=False) as pool:
        headers = {"authorization": "Bearer t"}
        begun = pool.request("POST", f"{google.url}{UPLOAD}?uploadType=resumable&name=big", headers=headers)
        place = begun.headers["location"]

        def send(content: bytes, span: str) -> Any:
            return pool.request("PUT", place, body=content, headers={**headers, "content-range": span})

        first = send(b"abcd", "bytes 0-3/6")
        assert (first.status, first.headers["range"]) == (308, "bytes=0-3")
        assert send(b"ef", "bytes 4-5/6").json()["size"] == "6"


def test_a_bucket_can_be_missing(google: Google) -> None:
    assert google.call("GET", "/gcs/storage/v1/b/missing-bucket")[0] == 404
    assert google.call("GET", "/gcs/storage/v1/b/files")[0] == 200


def token(google: Google, **form: str) -> tuple[int, Any]:
    kind = {"content_type": "application/x-www-form-urlencoded"}
    return google.call("POST", "/google/token", urlencode(form).encode(), **kind)


@pytest.mark.parametrize(("issuer", "status"), [("me@p.iam.gserviceaccount.com", 200), ("bad@p", 400)])
def test_an_assertion_becomes_a_token(google: Google, issuer: str, status: int) -> None:
    claims = json.dumps({"iss": issuer, "aud": "x", "iat": 1, "exp": 2}).encode()
    assertion = f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"
    found, body = token(google, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=assertion)
    assert found == status
    assert ("access_token" in body) == (status == 200)
