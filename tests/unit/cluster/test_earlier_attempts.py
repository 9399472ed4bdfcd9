"""A new attempt at the same model goes on from what an earlier one has left in S3."""

from __future__ import annotations

import json
from pathlib import Path

from llmstrat_iac.cluster.checkpoints import newest_step, prepare
from llmstrat_iac.cluster.earlier import checkpoint_store, earlier_places
from llmstrat_iac.cluster.layout import Layout
from llmstrat_iac.cluster.places import find_places
from llmstrat_iac.trainer.store import FolderStore, Store, open_store


def attempt(root: Path, number: int, *steps: int, complete: bool = True) -> str:
    """A job's place with checkpoints of these steps; its URI."""
    place = root / f"0123456789ab-{number}"
    store = FolderStore(place)
    for step in steps:
        store.write(f"checkpoints/step-{step}/__0_0.distcp", f"weights of {step}")
        store.write(f"checkpoints/step-{step}/.metadata", "{}")
        files = {
            name: (place / f"checkpoints/step-{step}" / name).stat().st_size for name in ("__0_0.distcp", ".metadata")
        }
        if complete:
            store.write(f"checkpoints/step-{step}/complete.json", json.dumps({"step": step, "files": files}))
    place.mkdir(exist_ok=True)
    return place.as_uri()


def source(uri: str) -> Store:
    return checkpoint_store(open_store(uri), uri, open_store)


def test_the_first_attempt_has_none_before_it(tmp_path: Path) -> None:
    assert list(earlier_places("s3://bucket/pretraining/0123456789ab-1")) == []
    assert newest_step(source(attempt(tmp_path, 1)), tmp_path / "disk", Layout(), shared=False) is None


def test_the_third_goes_on_from_the_first_if_the_second_got_nowhere(tmp_path: Path) -> None:
    attempt(tmp_path, 1, 500, 1000)
    attempt(tmp_path, 2, 1200, complete=False)
    store, disk = source(attempt(tmp_path, 3)), tmp_path / "disk"
    assert newest_step(store, disk, Layout(), shared=False) == 1000
    prepare(store, disk, 1000, shared=False, first=True, layout=Layout())
    assert (disk / "step-1000" / "__0_0.distcp").read_text() == "weights of 1000"
    assert (disk / "step-1000" / ".metadata").exists()


def test_its_own_checkpoints_are_newer_than_any_before(tmp_path: Path) -> None:
    attempt(tmp_path, 1, 1000)
    assert newest_step(source(attempt(tmp_path, 2, 1500)), tmp_path / "disk", Layout(), shared=False) == 1500


def test_other_models_places_are_never_looked_at(tmp_path: Path) -> None:
    places = list(earlier_places("s3://bucket/pretraining/0123456789ab-3/"))
    assert places == ["s3://bucket/pretraining/0123456789ab-2", "s3://bucket/pretraining/0123456789ab-1"]
    assert list(earlier_places("file:///somebody/tries-it/out")) == []


def test_all_attempts_share_one_folder_of_the_file_system() -> None:
    environ = {"LLMSTRAT_JOB_URI": "s3://b/pretraining/0123456789ab-2", "LLMSTRAT_SHARED": "/fsx"}
    assert find_places(environ, "0123456789ab-2").checkpoints == Path("/fsx/0123456789ab/checkpoints")
