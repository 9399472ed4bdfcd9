"""Keys as dynamic resources: through the same serialisation as the engine's provider process."""

from __future__ import annotations

import base64
import hashlib
import pickle
import re

from pulumi.dynamic.dynamic import serialize_provider

from llmstrat_iac.components.consumer_key import ConsumerKeyProvider

PROPS = {"consumer": "web", "generation": 1.0}


def _provider() -> ConsumerKeyProvider:
    found: ConsumerKeyProvider = pickle.loads(base64.b64decode(serialize_provider(ConsumerKeyProvider())))
    return found


def test_a_key_fits_api_gateway_and_its_digest_fits_the_key() -> None:
    outputs = _provider().create(dict(PROPS)).outs
    assert outputs is not None
    assert re.fullmatch(r"skllmstrat[A-Za-z0-9]{43}", outputs["value"])
    assert outputs["sha256"] == hashlib.sha256(outputs["value"].encode()).hexdigest()


def test_no_two_keys_are_equal_and_no_id_tells_the_key() -> None:
    results = [_provider().create(dict(PROPS)) for _ in range(50)]
    values = {result.outs["value"] for result in results if result.outs}
    assert len(values) == len({result.id for result in results}) == 50
    assert all(result.outs["value"] not in result.id for result in results if result.outs)


def test_only_another_consumer_or_generation_is_another_key() -> None:
    olds = _provider().create(dict(PROPS)).outs
    assert olds is not None
    same = _provider().diff("id", olds, dict(PROPS))
    assert same.changes is False
    next_one = _provider().diff("id", olds, {**PROPS, "generation": 2.0})
    assert next_one.changes is True
    assert next_one.replaces == ["generation"]


def test_a_refresh_keeps_the_key() -> None:
    created = _provider().create(dict(PROPS))
    assert created.outs is not None
    read = _provider().read(created.id, created.outs)
    assert (read.id, read.outs) == (created.id, created.outs)


def test_the_serialised_provider_is_small_and_names_its_class_only() -> None:
    text = serialize_provider(ConsumerKeyProvider())
    assert text == serialize_provider(ConsumerKeyProvider())
    assert len(text) < 200
    names = {argument for opcode, argument, _ in _opcodes(text) if opcode.name == "SHORT_BINUNICODE"}
    assert names == {"llmstrat_iac.components.consumer_key", "ConsumerKeyProvider"}


def _opcodes(text: str) -> list[tuple[pickle.Any, object, object]]:  # type: ignore[name-defined]
    import pickletools

    return list(pickletools.genops(base64.b64decode(text)))
