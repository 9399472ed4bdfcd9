"""`multipart/form-data` and `multipart/related` bodies in memory: their parts, with name, file name and content."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message as Headers
from email.parser import BytesHeaderParser

from llmstrat_iac.sandbox.vendor.wire import BadRequestError


@dataclass(frozen=True)
class Part:
    """One part; `name` is empty outside a form."""

    name: str
    filename: str | None
    content: bytes


def parse_parts(content_type: str, body: bytes) -> list[Part]:
    """The parts of a body, in order."""
    head = Headers()
    head["content-type"] = content_type
    boundary = head.get_param("boundary")
    if head.get_content_maintype() != "multipart" or not isinstance(boundary, str):
        raise BadRequestError("The body must be multipart with a boundary.")
    mark = b"--" + boundary.encode()
    # A preamble goes first; the last one begins with the closing `--`.
    pieces = body.split(b"\r\n" + mark) if not body.startswith(mark) else (b"\r\n" + body).split(b"\r\n" + mark)
    return [_part(piece) for piece in pieces[1:] if not piece.startswith(b"--")]


def _part(piece: bytes) -> Part:
    head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    headers = BytesHeaderParser().parsebytes(head)
    name = headers.get_param("name", "", "content-disposition")
    return Part(str(name), headers.get_filename(), content)
