"""The relay's core: one request in, one response out, whatever the door. Synchronous and free of any transport.

Order: endpoint, consumer, model, budget, vendor, settlement, usage line. The usage line is written for every request,
once, when its last byte has been handed to the door.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from . import sse
from .aws import make_client
from .bedrock_wire import BedrockWire
from .budget import Reservation, TokenBudget
from .config import CONVERSE_WIRE, SAGEMAKER_WIRE, Consumer, Provider, RelayConfig
from .dynamodb_budget import DynamoBudget
from .errors import ConfigError, RelayError, UpstreamError, bad_request
from .exchange import JSON_TYPE, SSE_TYPE, Call, Endpoint, Meter, Request, Response, Stream, Upstream
from .fallback import Attempts
from .openai_wire import OpenAIWire
from .routing import find_endpoint, read_call
from .sagemaker_wire import SageMakerWire
from .secrets import Fetch, SecretStore, fetch_secret
from .signing import Credentials, process_credentials
from .tokens import estimate
from .usage import Record, Write, write_line

_UNCACHED: Final = ("cache-control", "no-cache, no-transform")  # some proxies hold back or compress a stream otherwise
MAX_SECONDS: Final = 890.0  # an API Gateway stream and a Lambda end at 900


class Relay:
    """One gateway. Safe for threads."""

    def __init__(
        self,
        config: RelayConfig,
        upstreams: Mapping[str, Upstream],
        budget: TokenBudget | None,
        *,
        write: Write = write_line,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.config = config
        self.upstreams = upstreams
        self.budget = budget
        self._write = write
        self._now = now
        self._pause = pause

    def handle(self, request: Request) -> Response:
        """Answer one request; every failure that a client can cause or see is a response, not an exception."""
        record = Record(self.config.stack, request.consumer, request.request_id)
        try:
            endpoint = find_endpoint(request.method, request.path)
            consumer = self._consumer(request)
            if endpoint is Endpoint.MODELS:
                return self._finish(record, 200, self._list_models(consumer))
            call = read_call(self.config, consumer, endpoint, request)
            record.model, record.streamed = call.alias, call.stream
            return self._forward(consumer, call, record)
        except RecursionError:
            return self._refuse(record, bad_request("invalid_json", "the body is nested too deeply"))
        except RelayError as error:
            return self._refuse(record, error)

    def _refuse(self, record: Record, error: RelayError) -> Response:
        record.error = error.code
        return self._finish(record, error.status, error.body(), error.headers)

    def end(self, record: Record, meter: Meter, reservation: Reservation | None) -> None:
        """Settle the budget and write the usage line."""
        if reservation is not None and self.budget is not None and meter.usage is not None:
            self.budget.settle(reservation, meter.usage.total)
        record.usage, record.answer = meter.usage, meter.answer
        record.error = record.error or meter.error
        self._write(record.line(self._now(), time.monotonic()))

    def _consumer(self, request: Request) -> Consumer:
        consumer = self.config.consumers.get(request.consumer)
        if consumer is None:
            raise RelayError(403, "unknown_consumer", "this key's consumer is not known to the gateway")
        return consumer

    def _list_models(self, consumer: Consumer) -> bytes:
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": self.config.stack}
            for name in sorted(consumer.models)
        ]
        return json.dumps({"object": "list", "data": models}).encode()

    def _forward(self, consumer: Consumer, call: Call, record: Record) -> Response:
        reservation = self._reserve(consumer, call)
        meter = Meter(answer=[] if self.config.log_prompts else None)
        if self.config.log_prompts:
            record.prompt = {
                name: call.document.get(name) for name in ("messages", "prompt", "input") if name in call.document
            }
        attempts = Attempts(call, self.config.models[call.alias], self.upstreams, meter, self._pause)
        try:
            answer = attempts.open()
        except RelayError as error:
            self._release(reservation, error)
            raise
        finally:
            record.route, record.fallbacks = attempts.route, attempts.fallbacks
        if isinstance(answer, Stream):
            body = StreamedBody(self, attempts, answer, record=record, meter=meter, reservation=reservation)
            record.status = 200
            return Response(200, (*_headers(SSE_TYPE, record), _UNCACHED), body, self.config.keepalive_seconds)
        return self._finish(record, 200, answer, meter=meter, reservation=reservation)

    def _reserve(self, consumer: Consumer, call: Call) -> Reservation | None:
        if consumer.tokens_per_month is None:
            return None
        assert self.budget is not None, "create_relay checks it"
        return self.budget.reserve(consumer, estimate(call), self._now())

    def _release(self, reservation: Reservation | None, error: RelayError) -> None:
        """A refused request used no tokens. After a time-out or a broken answer nobody knows: the reservation stays."""
        unknown = error.code in ("upstream_timeout", "upstream_broken")
        if reservation is not None and self.budget is not None and not unknown:
            self.budget.settle(reservation, 0)

    def _finish(
        self,
        record: Record,
        status: int,
        body: bytes,
        extra: tuple[tuple[str, str], ...] = (),
        *,
        meter: Meter | None = None,
        reservation: Reservation | None = None,
    ) -> Response:
        record.status = status
        if status == 200:
            record.first_byte = time.monotonic()
        self.end(record, meter or Meter(), reservation)
        return Response(status, _headers(JSON_TYPE, record) + extra, body)


class StreamedBody:
    """A vendor's stream on its way to the client. It ends once: by itself, by a failure, or closed by the door."""

    def __init__(
        self,
        relay: Relay,
        attempts: Attempts,
        stream: Stream,
        *,
        record: Record,
        meter: Meter,
        reservation: Reservation | None,
    ) -> None:
        self._relay = relay
        self._attempts = attempts
        self._stream = stream
        self._record = record
        self._meter = meter
        self._reservation = reservation
        self._ended = False
        self._aborted = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._ended:
            raise StopIteration
        try:
            piece = next(self._stream.events)
        except StopIteration:
            self._end()
            raise
        except UpstreamError as error:
            return self._recover(error)
        except BaseException:
            self._end("internal_error")
            raise
        if self._record.first_byte is None:
            self._record.first_byte = time.monotonic()
        return piece

    def close(self) -> None:
        """Give the stream up: the client is gone."""
        if not self._ended:
            self._stream.abort()  # closing a generator that never started wouldn't reach the vendor's connection
            self._end("client_disconnected")

    def abort(self) -> None:
        """Unblock the thread that iterates; it must still call `close`."""
        self._aborted = True
        self._stream.abort()

    def _recover(self, error: UpstreamError) -> bytes:
        """Another route while the client has seen no event yet, else the error as the last event."""
        if self._aborted:
            self.close()
            raise StopIteration
        if self._record.first_byte is None and error.elsewhere:
            self._attempts.gave_up(error)
            try:
                answer = self._attempts.open()
            except RelayError as last:
                return self._fail(last)
            finally:
                self._record.route, self._record.fallbacks = self._attempts.route, self._attempts.fallbacks
            if isinstance(answer, Stream):
                self._stream = answer
                return next(self)
        return self._fail(error)

    def _fail(self, error: RelayError) -> bytes:
        self._end(error.code)
        return sse.encode_error(error)

    def _end(self, error: str | None = None) -> None:
        self._ended = True
        self._record.error = error
        close = getattr(self._stream.events, "close", None)
        if close is not None:
            close()
        self._relay.end(self._record, self._meter, self._reservation)


def create_relay(
    config: RelayConfig,
    *,
    budget: TokenBudget | None = None,
    fetch: Fetch = fetch_secret,
    credentials: Credentials = process_credentials,
    write: Write = write_line,
) -> Relay:
    """The relay of a configuration. Without `budget` the DynamoDB table counts; limits without either are refused."""
    secrets = SecretStore(fetch)
    upstreams = {name: _upstream(provider, secrets, credentials) for name, provider in config.providers.items()}
    if budget is None and config.budget_table is not None:
        budget = DynamoBudget(config.budget_table, lambda attempts: make_client("dynamodb", None, attempts=attempts))
    limited = [consumer.name for consumer in config.consumers.values() if consumer.tokens_per_month is not None]
    if budget is None and limited:
        raise ConfigError(f"relay.json.budget_table: missing, but consumer {limited[0]!r} has tokens_per_month")
    return Relay(config, upstreams, budget, write=write)


def _upstream(provider: Provider, secrets: SecretStore, credentials: Credentials) -> Upstream:
    if provider.wire == CONVERSE_WIRE:
        return BedrockWire(provider)
    if provider.wire == SAGEMAKER_WIRE:
        return SageMakerWire(provider, credentials)
    return OpenAIWire(provider, secrets, credentials)


def _headers(content_type: str, record: Record) -> tuple[tuple[str, str], ...]:
    return (("content-type", content_type), ("x-request-id", record.request_id))
