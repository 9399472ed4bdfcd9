"""The stack's own fleet as the relay reaches it: real credentials, checked signatures, SageMaker's event stream."""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Callable
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from relay_kit import Desk, desk, document, openai_provider
from relay_vendor import Answer, Received, VendorHandler

from llmstrat_iac.relay.config import parse_config
from llmstrat_iac.relay.fields import Fields

REGION = "eu-central-1"
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI", "session-token")
LLAMA = {"provider": "fleet", "model": "llama-base", "usd_per_mtok_input": 0, "usd_per_mtok_output": 0}
SPARE = {"provider": "spare", "model": "spare-1", "usd_per_mtok_input": None, "usd_per_mtok_output": None}


def fleet_desk(
    fleet: dict[str, Any], *, spare: str | None = None, credentials: Callable[[], Any] = lambda: KEYS
) -> Desk:
    """A relay whose `gpt-main` is answered by a fleet, then by `spare`."""
    providers = {"fleet": {"auth": "sigv4", "region": REGION} | fleet}
    if spare is not None:
        providers["spare"] = openai_provider(spare)
    models = {"gpt-main": [LLAMA] + ([SPARE] if spare else [])}
    raw = document(models=models, providers=providers)
    return desk(parse_config(Fields(raw, "relay.json")), credentials=credentials)


def signature(received: Received, url: str, service: str) -> str:
    """The Authorization that botocore makes for the request as it arrived, at the time that it says."""
    authorization = received.headers["authorization"]
    signed = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    request = AWSRequest("POST", url, data=received.body, headers={name: received.headers[name] for name in signed})
    request.context["timestamp"] = received.headers["x-amz-date"]
    signer = SigV4Auth(KEYS, service, REGION)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    scope = f"{KEYS.access_key}/{signer.credential_scope(request)}"
    return (
        f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={';'.join(signed)}, "
        f"Signature={signer.signature(text, request)}"
    )


def frame(payload: bytes, **headers: str) -> bytes:
    """One message of an event stream; header names with underscores."""
    packed = b"".join(
        struct.pack(">B", len(name) + 1) + f":{name.replace('_', '-')}".encode()
        + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in headers.items()
    )  # fmt: skip
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + packed + payload
    return message + struct.pack(">I", binascii.crc32(message))


def part(content: bytes) -> bytes:
    """What the container sent."""
    return frame(content, event_type="PayloadPart", content_type="application/octet-stream", message_type="event")


def failure(kind: str, **document: str) -> bytes:
    """The event with which SageMaker ends a stream that can't go on."""
    body = json.dumps(document).encode()
    return frame(body, exception_type=kind, content_type="application/json", message_type="exception")


def event_stream(*pieces: bytes, dies: bool = False) -> Answer:
    """An answer of InvokeEndpointWithResponseStream, in pieces as given."""

    def answer(handler: VendorHandler) -> None:
        handler.start(200, content_type="application/vnd.amazon.eventstream", transfer_encoding="chunked")
        for piece in pieces:
            handler.chunk(piece)
        if dies:
            handler.close_connection = True
        else:
            handler.wfile.write(b"0\r\n\r\n")

    return answer


def invocation_refused(status: int, code: str, **document: Any) -> Answer:
    """A refusal by SageMaker."""
    body = json.dumps(document).encode()

    def answer(handler: VendorHandler) -> None:
        handler.start(
            status, content_type="application/json", content_length=str(len(body)), x_amzn_errortype=f"{code}:http://x"
        )
        handler.wfile.write(body)

    return answer
