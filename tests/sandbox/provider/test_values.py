"""The wire form of property values: nothing is lost, and what is secret stays so."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from llmstrat_iac.sandbox.provider import values
from llmstrat_iac.sandbox.provider.values import UNKNOWN, Blob, Secret, annotate, decode, encode


def wire(**fields: Any) -> Struct:
    struct = Struct()
    struct.update(fields)
    return struct


@pytest.mark.parametrize(
    "value",
    [
        "text", 3, 2.5, True, None, [1, "a", {"b": []}], UNKNOWN, Secret("s"), Secret({"a": [UNKNOWN]}),
        Blob("asset", {"hash": "h", "text": "x"}),
        Blob("archive", {"hash": "h", "assets": {"a.py": Blob("asset", {"text": "x", "hash": "i"})}}),
    ],
)  # fmt: skip
def test_a_value_survives_the_wire(value: Any) -> None:
    assert decode(encode({"x": value})) == {"x": value}


def test_numbers_are_integers_where_they_can_be() -> None:
    found = decode(encode({"a": 3.0, "b": 2.5}))
    assert (found["a"], type(found["a"]), found["b"]) == (3, int, 2.5)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value": "v"}, "v"),
        ({"value": "v", "secret": True}, Secret("v")),
        ({"secret": False, "dependencies": ["urn"]}, UNKNOWN),
        ({"secret": True}, Secret(UNKNOWN)),
    ],
)
def test_output_values_become_what_they_hold(fields: dict[str, Any], expected: Any) -> None:
    assert decode(wire(x={values.SIGNATURE: values.OUTPUT, **fields})) == {"x": expected}


def test_a_resource_reference_is_its_id() -> None:
    reference = {values.SIGNATURE: values.RESOURCE, "urn": "urn:x", "id": "i-1"}
    assert decode(wire(x=reference)) == {"x": "i-1"}


def test_a_secret_never_shows_itself() -> None:
    assert "hunter2" not in f"{Secret('hunter2')!r} {Secret({'a': 'hunter2'})}"


@pytest.mark.parametrize(
    ("value", "like", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": Secret(1), "b": 2}, {"a": Secret(1), "b": 2}),
        ({"v": {"K": "x", "L": "y"}}, {"v": {"K": Secret("x")}}, {"v": {"K": Secret("x"), "L": "y"}}),
        ([1, 2], [1, Secret(2)], [1, Secret(2)]),
        ([2, 1, 3], [1, Secret(2)], Secret([2, 1, 3])),
        ("flat", {"deep": Secret("x")}, Secret("flat")),
        ({"a": 1}, Secret({"a": 1}), Secret({"a": 1})),
        ({"other": 1}, {"gone": Secret("x")}, Secret({"other": 1})),
    ],
)
def test_secrets_are_put_back_where_they_were(value: Any, like: Any, expected: Any) -> None:
    assert annotate(value, like) == expected
