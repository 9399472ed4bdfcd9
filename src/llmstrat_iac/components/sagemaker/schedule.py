"""Five-field cron expressions as Application Auto Scaling takes them: six fields, days of the week from 1."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d+")


def aws_cron(cron: str) -> str:
    """`0 7 * * 1-5` to `cron(0 7 ? * 2-6 *)`; ValueError for what AWS can't express.

    https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
    """
    minute, hour, day, month, weekday = cron.split()
    if weekday == "*":
        return f"cron({minute} {hour} {day} {month} ? *)"
    if day != "*":
        raise ValueError(f"`{cron}` names days of the month and of the week, AWS takes one of the two")
    if "/" in weekday:
        raise ValueError(f"`{cron}` steps through the week, list the days instead")
    return f"cron({minute} {hour} ? {month} {_NUMBER.sub(_next_day, weekday)} *)"


def _next_day(found: re.Match[str]) -> str:
    """Sunday is 0 or 7 in cron, and 1 at AWS."""
    return str(int(found[0]) % 7 + 1)
