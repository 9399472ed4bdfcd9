"""A job's identity is what changes the result, and nothing else; its name fits every vendor."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tuned_kit import examples, load, resolved_tuning, write_data

from llmstrat_iac.tuning import ResolvedTuning

ROWS = examples(12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_data(tmp_path / "train.jsonl", ROWS)
    return tmp_path


def tuned(folder: Path, vendor: str = "bedrock", *, tuning: dict[str, Any] | None = None, **top: Any) -> ResolvedTuning:
    return resolved_tuning(load(folder, vendor, tuning=tuning, **top))


def test_an_identity_is_twelve_hexadecimal_digits(folder: Path) -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", tuned(folder).identity)


@pytest.mark.parametrize(
    "change",
    [
        {"tuning": {"suffix": "other"}},
        {"tuning": {"deploy": "manual", "on_failure": "fail", "retain_on_destroy": True}},
        {"tuning": {"fallback_to_base": False}},
        {"tuning": {"options": {"throughput": "provisioned"}}},
        {"tuning": {"hyperparameters": {"epochs": 2}}},
        {"tuning": {"method": "supervised"}},
        {"name": "renamed"},
        {"owner": "somebody-else@example.com"},
        {"limits": {"ttl": "never"}},
    ],
    ids=lambda change: ",".join(change.get("tuning", change)),
)
def test_what_doesnt_change_the_result_never_retrains(change: dict[str, Any], folder: Path) -> None:
    assert tuned(folder, **change).identity == tuned(folder).identity


def test_a_renamed_alias_never_retrains(folder: Path) -> None:
    endpoint = {"consumers": [{"name": "web", "models": ["helpdesk"]}]}
    assert tuned(folder, tuning={"alias": "helpdesk"}, endpoint=endpoint).identity == tuned(folder).identity


def test_a_moved_file_with_other_line_ends_never_retrains(folder: Path) -> None:
    moved = folder / "deep" / "moved.jsonl"
    moved.parent.mkdir()
    moved.write_bytes(b"\xef\xbb\xbf" + (folder / "train.jsonl").read_bytes().replace(b"\n", b"\r\n"))
    moved_tuning = tuned(folder, tuning={"dataset": {"train": "deep/moved.jsonl"}})
    assert moved_tuning.identity == tuned(folder).identity


@pytest.mark.parametrize(
    "change",
    [
        {"base_model": "amazon.nova-lite-v1:0:300k"},
        {"hyperparameters": {"epochs": 3}},
        {"hyperparameters": {"learning_rate": 0.00002}},
        {"dataset": {"train": "train.jsonl", "validation": "held-out.jsonl"}},
        {"dataset": {"train": "held-out.jsonl"}},
    ],
    ids=["base", "epochs", "rate", "validation", "data"],
)
def test_what_changes_the_result_is_another_job(change: dict[str, Any], folder: Path) -> None:
    write_data(folder / "held-out.jsonl", examples(3, first=50))
    assert tuned(folder, tuning=change).identity != tuned(folder).identity


def test_the_same_inputs_at_another_vendor_are_another_job(folder: Path) -> None:
    same = {"base_model": "gpt-4.1-mini-2025-04-14"}
    assert tuned(folder, "openai", tuning=same).identity != tuned(folder, "sagemaker", tuning=same).identity


def test_training_and_validation_arent_interchangeable(folder: Path) -> None:
    write_data(folder / "other.jsonl", examples(12, first=50))
    one = tuned(folder, tuning={"dataset": {"train": "train.jsonl", "validation": "other.jsonl"}})
    two = tuned(folder, tuning={"dataset": {"train": "other.jsonl", "validation": "train.jsonl"}})
    assert one.identity != two.identity


def test_an_object_in_s3_has_no_identity_until_its_content_is_known(folder: Path) -> None:
    tuning = tuned(folder, tuning={"dataset": {"train": "s3://example-data/train.jsonl"}})
    with pytest.raises(ValueError, match="the content of train isn't known yet"):
        _ = tuning.identity
    known = replace(tuning, train=replace(tuning.train, fingerprint="etag:123"))
    changed = replace(tuning, train=replace(tuning.train, fingerprint="etag:124"))
    assert known.identity != changed.identity


def test_an_identity_is_of_the_content_at_first_sight(folder: Path) -> None:
    tuning = tuned(folder)
    before = tuning.identity
    write_data(folder / "train.jsonl", examples(13))
    assert tuning.identity == before
    assert tuned(folder).identity != before


@pytest.mark.parametrize("alias", ["support", "Support.Bot:v2", "a" * 64, "x--y__z"])
@pytest.mark.parametrize(("limit", "attempt"), [(63, 1), (63, 12), (52, 3)])
def test_a_job_name_fits_every_vendor(alias: str, limit: int, attempt: int, folder: Path) -> None:
    endpoint = {"consumers": [{"name": "web", "models": [alias]}]}
    tuning = tuned(
        folder, tuning={"alias": alias}, endpoint=endpoint, name="a-name-of-24-characters1", environment="staging"
    )
    name = tuning.job_name(limit, attempt)
    assert len(name) <= limit
    # Custom models of Bedrock are the pickiest.
    assert re.fullmatch(r"([0-9a-zA-Z][_-]?){1,63}", name)
    assert name.startswith("a-name-of-24-characters1-staging-")
    assert tuning.identity[:8] in name
