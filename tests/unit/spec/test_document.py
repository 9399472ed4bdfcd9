"""Reading YAML with positions: what each kind of value becomes, and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmstrat_iac.errors import SpecError
from llmstrat_iac.spec.document import MAX_BYTES, parse_document, read_document
from llmstrat_iac.spec.problems import Problem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-12", -12),
        ("012", 12),
        ("20_000_000", 20_000_000),
        ("0x1f", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("'12'", "12"),
        ("2026-12-01", "2026-12-01"),
        ("12:30:45", "12:30:45"),
    ],
)
def test_plain_values_are_read_as_yaml_1_2(text: str, value: object) -> None:
    found = parse_document("spec.yaml", f"key: {text}\n").data["key"]
    assert (type(found), found) == (type(value), value)


def test_problems_stand_at_their_value_or_key_or_at_what_is_nearest() -> None:
    document = parse_document("spec.yaml", "a:\n  b: [1, {c: 2}]\n")
    places = {
        (("a", "b", 1, "c"), False): (2, 14),
        (("a", "b", 1, "c"), True): (2, 11),
        (("a", "b", 1, "missing"), False): (2, 10),
        (("a", "missing"), False): (1, 1),
        (("missing",), False): (1, 1),
    }
    for (path, at_key), place in places.items():
        located = document.locate(Problem(path, "wrong", at_key=at_key))
        assert (located.line, located.column) == place, path


def test_a_file_that_is_too_large_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SpecError, match="is larger than 1 MiB"):
        read_document(path)


def test_missing_files_directories_and_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no such file"):
        read_document(tmp_path / "missing.yaml")
    with pytest.raises(SpecError, match="is a directory"):
        read_document(tmp_path)
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    with pytest.raises(SpecError, match=r"can't be read: Too many levels of symbolic links"):
        read_document(loop)


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    from llmstrat_iac.planner.load import resolve_document

    key = "sk-proj-do-not-show-me"
    text = (Path(__file__).parents[2] / "specs/invalid/credentials-hold-a-key.yaml").read_text(encoding="utf-8")
    text = text.replace("sk-proj-0123456789abcdef", key)
    text = text.replace("    credentials", f"    options: {{base_url: '{key}', api_key: '{key}'}}\n    credentials")
    with pytest.raises(SpecError) as caught:
        resolve_document(parse_document("spec.yaml", text))
    assert "API key itself" in str(caught.value)
    assert key not in str(caught.value)
