"""Every file in tests/specs: the valid ones load, the invalid ones say exactly what their `.expected` file says.

`python tests/unit/spec/test_spec_files.py` writes the `.expected` files anew: read the diff before you commit it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from llmstrat_iac.errors import SpecError
from llmstrat_iac.planner.load import load_spec

SPECS = Path(__file__).parents[2] / "specs"
INVALID = sorted((SPECS / "invalid").glob("*.yaml"))
VALID = sorted((SPECS / "valid").glob("*.yaml"))


def error_text(path: Path) -> str:
    """What a user reads, with the file's name in place of its path."""
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return str(caught.value).replace(str(path), path.name) + "\n"


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_specs_load(path: Path) -> None:
    resolved = load_spec(path)
    kind = path.stem.partition("-")[0]
    strategies = {"tuned": "closed-api-tuned", "open": "open-model", "scratch": "from-scratch"}
    assert resolved.strategy.name == strategies.get(kind, "closed-api")
    assert (resolved.tuning is not None) is (kind == "tuned")
    assert (resolved.pretraining is not None) is (kind == "scratch")
    served = kind == "open" or getattr(resolved.spec, "serving", None) is not None
    assert (resolved.open_model is not None) is served


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_specs_say_what_is_wrong_where_and_what_to_do(path: Path) -> None:
    expected = path.with_suffix(".expected")
    assert error_text(path) == expected.read_text(encoding="utf-8"), f"to accept: python {Path(__file__).name}"


def test_the_validation_error_is_kept_as_the_cause() -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(SPECS / "invalid" / "ttl-without-unit.yaml")
    assert isinstance(caught.value.__cause__, ValidationError)


if __name__ == "__main__":
    for invalid in INVALID:
        invalid.with_suffix(".expected").write_text(error_text(invalid), encoding="utf-8")
