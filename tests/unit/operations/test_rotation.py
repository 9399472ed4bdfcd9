"""`keys rotate` edits the spec in place and keeps what people wrote around it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmstrat_iac.errors import SpecError
from llmstrat_iac.operations.rotation import rotate_key

NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
SPEC = """\
# our gateway
name: support   # keep me
endpoint:
  consumers:
    - {name: web, models: [gpt-main]}
    - name: batch
      models: [gpt-main]
      tokens_per_month: 20_000_000   # budget
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


def test_adds_a_generation_with_overlap(spec: Path) -> None:
    assert rotate_key(spec, "web", overlap=timedelta(hours=24), now=NOW) == 2
    text = spec.read_text()
    assert "generation: 2" in text
    assert "previous_until: '2026-11-25T08:30:00Z'" in text
    assert "# our gateway" in text
    assert "# keep me" in text
    assert text.splitlines()[5:] == SPEC.splitlines()[5:]


def test_counts_on(spec: Path) -> None:
    rotate_key(spec, "batch", overlap=timedelta(hours=1), now=NOW)
    assert rotate_key(spec, "batch", overlap=timedelta(hours=1), now=NOW) == 3


def test_no_overlap_drops_the_old_key_at_once(spec: Path) -> None:
    rotate_key(spec, "web", overlap=timedelta(hours=24), now=NOW)
    rotate_key(spec, "web", overlap=timedelta(0), now=NOW)
    assert "previous_until" not in spec.read_text()


def test_unknown_consumer_changes_nothing(spec: Path) -> None:
    with pytest.raises(SpecError, match="no consumer `wbe`") as caught:
        rotate_key(spec, "wbe", overlap=timedelta(hours=1), now=NOW)
    assert "web, batch" in (caught.value.remedy or "")
    assert spec.read_text() == SPEC


def test_permissions_and_neighbours_stay(spec: Path) -> None:
    spec.chmod(0o640)
    rotate_key(spec, "web", overlap=timedelta(hours=1), now=NOW)
    assert spec.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in spec.parent.iterdir()] == ["spec.yaml"]
