"""Cron expressions as schedules take them."""

from __future__ import annotations

import pytest

from llmstrat_iac.spec.cron import check_cron


@pytest.mark.parametrize(
    "text", ["0 7 * * 1-5", "*/15 * * * *", "0 0,12 1 */2 *", "30 19 * JAN-MAR MON", "0 0 * * 7", "59 23 31 12 0"]
)
def test_what_schedulers_take(text: str) -> None:
    assert check_cron(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 7 * *", "4 fields"),
        ("", "0 fields"),
        ("60 7 * * *", "`60` is no minute"),
        ("0 24 * * *", "`24` is no hour"),
        ("0 0 0 * *", "`0` is no day of month"),
        ("0 0 * 13 *", "`13` is no month"),
        ("0 0 * * MONDAY", "`MONDAY` is no day of week"),
        ("0 7 * * 1-", "`1-` is no day of week"),
        ("0 7-x * * *", "`7-x` is no hour"),
        ("a b c d e", "`a` is no minute"),
        ("@daily", "1 fields"),
    ],
)
def test_what_they_dont(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_cron(text)
