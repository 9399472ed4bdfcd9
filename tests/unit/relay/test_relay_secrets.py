"""Provider keys: cached for five minutes, read again when refused, and absent from every text."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

import pytest

from llmstrat_iac.relay.errors import UpstreamError
from llmstrat_iac.relay.secrets import SecretStore, fetch_secret


def store(*values: str) -> tuple[SecretStore, list[str], Callable[[float], None]]:
    fetched: list[str] = []
    clock = [1000.0]

    def fetch(arn: str) -> str:
        fetched.append(arn)
        return values[min(len(fetched), len(values)) - 1]

    def advance(seconds: float) -> None:
        clock[0] += seconds

    return SecretStore(fetch, lambda: clock[0]), fetched, advance


def test_a_key_is_kept_five_minutes() -> None:
    secrets, fetched, advance = store("one", "two")
    assert secrets.get("a") == "one"
    advance(299)
    assert secrets.get("a") == "one"
    advance(2)
    assert secrets.get("a") == "two"
    assert len(fetched) == 2


def test_a_refused_key_is_read_again_by_one_thread_only() -> None:
    secrets, fetched, _ = store("old", "new")
    secrets.get("a")
    got: list[str | None] = []
    threads = [threading.Thread(target=lambda: got.append(secrets.refetch("a", "old"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["new"] * 8
    assert len(fetched) == 2


def test_the_same_key_again_is_no_new_key() -> None:
    secrets, _, _ = store("same")
    assert secrets.refetch("a", secrets.get("a")) is None


@pytest.mark.parametrize("value", ["key", " key\n", '{"api_key": "key"}'])
def test_a_secret_is_text_or_json(value: str) -> None:
    assert store(value)[0].get("a") == "key"


@pytest.mark.parametrize("value", ["", "{", '{"other": "hidden-value"}', '{"api_key": "hidden-value"'])
def test_an_unusable_secret_names_no_value(value: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        store(value)[0].get("a")
    assert caught.value.code == "provider_key_unavailable"
    assert caught.value.elsewhere
    assert "hidden-value" not in "".join(traceback.format_exception(caught.value))


def test_a_local_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_KEY", "k")
    assert fetch_secret("env:LOCAL_KEY") == "k"
