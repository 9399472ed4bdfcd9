"""A relay over scripted vendors, and what a test asks of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from llmstrat_iac.relay.app import Relay, create_relay
from llmstrat_iac.relay.budget import TokenBudget
from llmstrat_iac.relay.config import RelayConfig, parse_config
from llmstrat_iac.relay.exchange import Request, Response
from llmstrat_iac.relay.fields import Fields
from llmstrat_iac.relay.signing import Credentials

PROVIDER_KEY = "sk-provider-0123456789abcdef"
GPT = {"provider": "openai", "model": "gpt-5.2", "usd_per_mtok_input": 1.25, "usd_per_mtok_output": 10.0}
SPARE = {"provider": "spare", "model": "spare-1", "usd_per_mtok_input": None, "usd_per_mtok_output": None}


def openai_provider(url: str) -> dict[str, Any]:
    return {"wire": "openai", "base_url": url, "auth": "bearer", "secret_arn": "arn:aws:secretsmanager:r:1:secret:k"}


def document(url: str = "http://127.0.0.1:9/v1", spare: str | None = None, **changes: Any) -> dict[str, Any]:
    """A valid `relay.json`."""
    base: dict[str, Any] = {
        "version": 1,
        "stack": "support-dev",
        "consumers": {"web": {"models": ["gpt-main"], "tokens_per_month": None}},
        "models": {"gpt-main": [GPT] + ([SPARE] if spare else []), "gpt-other": [GPT]},
        "providers": {"openai": openai_provider(url)} | ({"spare": openai_provider(spare)} if spare else {}),
        "budget_table": None,
        "log_prompts": False,
        "keepalive_seconds": 15,
    }
    return base | changes


def config(*args: Any, **kwargs: Any) -> RelayConfig:
    return parse_config(Fields(document(*args, **kwargs), "relay.json"))


@dataclass
class Desk:
    """A relay with its usage lines."""

    relay: Relay
    lines: list[str]
    pauses: list[float] = field(default_factory=list)

    def post(self, document: Any, path: str = "/chat/completions", *, seconds: float = 30, **changes: Any) -> Response:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        values = {"method": "POST", "consumer": "web", "request_id": "req-1"} | changes
        return self.relay.handle(Request(path=path, body=body, deadline=time.monotonic() + seconds, **values))

    def chat(self, **fields: Any) -> Response:
        asked = {"model": "gpt-main", "messages": [{"role": "user", "content": "SECRET-PROMPT"}]}
        return self.post(asked | fields)

    def usage(self) -> dict[str, Any]:
        """The only usage line."""
        (line,) = self.lines
        parsed: dict[str, Any] = json.loads(line)
        return parsed


def desk(
    config: RelayConfig,
    *,
    budget: TokenBudget | None = None,
    keys: list[str] | None = None,
    now: float | None = None,
    credentials: Credentials = lambda: None,
) -> Desk:
    """`keys` are what the secret holds, one a fetch; the last one stays."""
    lines: list[str] = []
    pauses: list[float] = []
    left = list(keys or [PROVIDER_KEY])

    def fetch(arn: str) -> str:
        return left.pop(0) if len(left) > 1 else left[0]

    made = create_relay(config, budget=budget, fetch=fetch, credentials=credentials, write=lines.append)
    relay = Relay(
        made.config,
        made.upstreams,
        made.budget,
        write=lines.append,
        now=(lambda: now) if now is not None else time.time,
        pause=pauses.append,
    )
    return Desk(relay, lines, pauses)


def read(response: Response) -> Any:
    """The JSON of a whole response."""
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def error_of(response: Response) -> dict[str, Any]:
    error: dict[str, Any] = read(response)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def events(response: Response) -> list[Any]:
    """The documents of a streamed response; `[DONE]` stays text."""
    assert not isinstance(response.body, bytes)
    return parse_events(b"".join(response.body))


def parse_events(body: bytes) -> list[Any]:
    data = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in data]


def spoken(documents: list[Any]) -> str:
    """The text of a stream of chat chunks."""
    choices = [choice for item in documents if isinstance(item, dict) for choice in item.get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def wait_for(condition: Any, seconds: float = 60) -> None:
    """Poll until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition didn't come true in time"
        time.sleep(0.005)
