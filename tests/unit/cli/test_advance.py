"""`llmstrat sandbox advance`, and how a target tells its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmstrat_iac.cli import main
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.target import AHEAD_VARIABLE, Target

ENDPOINT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("duration", "complaint"),
    [
        ("soon", "`soon` is no duration"),
        ("-1h", "No such option"),
        ("367d", "more than 366d"),
        ("9" * 20 + "w", "DURATION"),
    ],
)
def test_what_is_no_step_forward_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], duration: str, complaint: str
) -> None:
    assert main(["sandbox", "advance", duration]) == 2
    assert complaint in capsys.readouterr().err


def test_without_a_sandbox_there_is_no_clock(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LLMSTRAT_SANDBOX_HOME", str(tmp_path))
    assert main(["sandbox", "advance", "25h"]) == 1
    assert "llmstrat sandbox start" in capsys.readouterr().err


def test_only_what_answers_in_place_of_aws_is_ahead() -> None:
    day = {AHEAD_VARIABLE: "86400"}
    assert Target.from_environment(day).ahead == timedelta()
    there = Target.from_environment(day | ENDPOINT)
    assert there.ahead == timedelta(days=1)
    assert abs(there.now() - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=5)


@pytest.mark.parametrize("value", ["tomorrow", "1e300"])
def test_a_clock_that_cant_be_read_is_the_users_to_mend(value: str) -> None:
    with pytest.raises(LlmstratError, match="not a number of seconds"):
        Target.from_environment({AHEAD_VARIABLE: value} | ENDPOINT)
