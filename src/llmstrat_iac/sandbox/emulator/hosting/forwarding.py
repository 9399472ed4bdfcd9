"""One HTTP request to a loopback server, whose answer is read piece by piece as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import h11

from llmstrat_iac.sandbox.listener import LOOPBACK

_PIECE = 65_536


class BrokenAnswerError(Exception):
    """The server closed the connection before its answer was complete."""


@dataclass
class Answer:
    """The head of an answer; `pieces` is its body, read once."""

    status: int
    headers: Mapping[str, str]
    _connection: _Connection

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises BrokenAnswerError if it breaks off."""
        try:
            while True:
                event = await self._connection.next_event()
                if isinstance(event, h11.Data):
                    yield bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    return
        finally:
            self._connection.close()

    async def body(self) -> bytes:
        """All of it."""
        return b"".join([piece async for piece in self.pieces()])


@dataclass
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: h11.Connection

    async def next_event(self) -> object:
        while True:
            try:
                event = self.state.next_event()
            except h11.RemoteProtocolError as error:
                raise BrokenAnswerError(str(error)) from error
            if event is not h11.NEED_DATA:
                return event
            self.state.receive_data(await self.reader.read(_PIECE))

    def close(self) -> None:
        self.writer.close()


async def post(port: int, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a request; raises OSError or BrokenAnswerError if nothing answers."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    connection = _Connection(reader, writer, h11.Connection(h11.CLIENT))
    try:
        named = [("Host", f"{LOOPBACK}:{port}"), ("Content-Length", str(len(body))), *headers.items()]
        request = h11.Request(method="POST", target=path, headers=named)
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.state.send(event) or b"")
        await writer.drain()
        head = await connection.next_event()
        if not isinstance(head, h11.Response):
            raise BrokenAnswerError("the server closed the connection")
    except BaseException:
        connection.close()
        raise
    return Answer(head.status_code, {name.decode(): value.decode() for name, value in head.headers}, connection)
