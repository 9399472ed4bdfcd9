"""The behaviour table agrees with the classes of pulumi_aws, row by row."""

from __future__ import annotations

import pytest

from llmstrat_iac.sandbox.provider.registry import served_functions, served_resources
from llmstrat_iac.sandbox.provider.schema import ListOf, MapOf, ObjectOf, Type, function_schema, resource_schema
from llmstrat_iac.sandbox.provider.table import Row, load_table

TABLE = load_table()
RESOURCES = [token for token, row in TABLE.items() if row.kind == "resource"]
FUNCTIONS = [token for token, row in TABLE.items() if row.kind == "function"]


@pytest.mark.parametrize("token", RESOURCES)
def test_names_of_a_resource_exist(token: str) -> None:
    row, schema = TABLE[token], resource_schema(token)
    assert row.computed == schema.outputs - schema.inputs.keys()
    assert row.required == {field.name for field in schema.inputs.values() if field.required}
    inputs = row.force_new | row.optional_computed | row.defaults.keys()
    inputs |= {path.partition(".")[0] for path in row.replace_when}
    assert inputs - schema.inputs.keys() == set()
    assert (row.secret_outputs | row.volatile) - schema.outputs == set()
    if row.autoname:
        assert row.autoname.target in schema.inputs
    assert row.source


@pytest.mark.parametrize("token", FUNCTIONS)
def test_names_of_a_function_exist(token: str) -> None:
    row, schema = TABLE[token], function_schema(token)
    assert row.inputs == schema.inputs.keys()
    assert row.outputs == schema.outputs


def leaf(token: str, pattern: str) -> Type:
    """The type at a path pattern; a KeyError when the path doesn't exist."""
    name, *rest = pattern.replace("[]", ".[]").split(".")
    kind = resource_schema(token).inputs[name].type
    for step in rest:
        if step == "[]":
            assert isinstance(kind, ListOf), pattern
            kind = kind.item
        else:
            assert isinstance(kind, ObjectOf), pattern
            kind = kind.fields[step].type
    return kind


@pytest.mark.parametrize("token", sorted(served_resources()))
def test_paths_of_a_served_type_exist(token: str) -> None:
    row = TABLE[token]
    for pattern, rule in row.compare.items():
        assert isinstance(leaf(token, pattern), ListOf) == (rule == "set"), pattern
    for pattern in row.force_new_nested:
        assert not isinstance(leaf(token, pattern), MapOf)
    parts = row.import_format.replace(":", "/").replace("|", "/").split("/")
    assert set(parts) - {"id"} <= resource_schema(token).inputs.keys() | resource_schema(token).outputs


@pytest.mark.parametrize("token", sorted(served_resources()))
def test_a_served_type_is_wholly_modelled(token: str) -> None:
    assert TABLE[token].noun
    assert TABLE[token].unmodelled == {}


def test_served_functions_have_rows() -> None:
    assert served_functions().keys() <= set(FUNCTIONS)


@pytest.mark.parametrize(
    ("pattern", "kind", "replaces"),
    [
        ("hard", "update", True),
        ("hard.inner", "add", True),
        ("soft", "update", False),
        ("soft.frozen", "update", True),
        ("soft.other", "update", False),
        ("block", "add", True),
        ("block.inner", "update", False),
        ("value", "update", True),
    ],
)
def test_what_replaces(pattern: str, kind: str, replaces: bool) -> None:
    row = Row(
        "resource", "test", "test",
        force_new=frozenset({"hard"}),
        force_new_nested=frozenset({"soft.frozen"}),
        replace_when={"block": "count", "value": "changed"},
    )  # fmt: skip
    assert row.replaces(pattern, added_or_removed=kind != "update") is replaces
