"""Schedules and scheduled actions that act, by a clock that `llmstrat sandbox advance` moves.

ministack 1.5.33 looks at schedules every ten seconds, takes all times as UTC and calls no universal target; scheduled
scaling actions it only keeps. What AWS refuses to keep is refused here, too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.compute import SCALING, answer_first
from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam, wrap

SCHEDULER = "ministack.services.scheduler"
_APP = "ministack.app"
_EVENTS = "ministack.services.eventbridge"
_EVALUATOR = "ministack.core.iam_evaluator"
CLOCK_PATH = "/_llmstrat/clock"
_JSON = {"Content-Type": "application/json"}
_background: set[asyncio.Task[None]] = set()


def _install() -> None:
    from llmstrat_iac.sandbox.emulator.schedules.clock import CLOCK
    from llmstrat_iac.sandbox.emulator.schedules.occasions import everything
    from llmstrat_iac.sandbox.emulator.schedules.timetable import Timetable

    timetable = Timetable(CLOCK, everything)

    def start_scheduler(_upstream: Callable[[], None]) -> Callable[[], None]:
        def start() -> None:
            _background.add(asyncio.get_running_loop().create_task(timetable.run()))

        return start

    def answer_clock(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle_admin_config_request(path: str, method: str, body: bytes) -> Any:
            if (method, path) != ("POST", CLOCK_PATH):
                return await original(path, method, body)
            fired = await timetable.advance(timedelta(seconds=float(json.loads(body)["seconds"])))
            told = [{**asdict(each), "moment": each.moment.isoformat()} for each in fired]
            answer = {"ahead_seconds": CLOCK.ahead.total_seconds(), "now": CLOCK.now().isoformat(), "fired": told}
            return 200, dict(_JSON), json.dumps(answer).encode()

        return handle_admin_config_request

    wrap(SCHEDULER, "start_scheduler", start_scheduler)
    wrap(SCHEDULER, "_now", lambda _upstream: lambda: CLOCK.now().timestamp())
    for function in ("_create_schedule", "_update_schedule"):
        wrap(SCHEDULER, function, _check_schedule)
    wrap(_APP, "_handle_admin_config_request", answer_clock)
    answer_first(SCALING, "autoscaling", {"PutScheduledUpdateGroupAction": _check_action})


def _check_schedule(original: Callable[..., Any]) -> Callable[..., Any]:
    def save(name: str, body: Mapping[str, Any]) -> Any:
        from ministack.services import scheduler

        from llmstrat_iac.sandbox.emulator.schedules.occasions import schedule_timing

        try:
            if body.get("ScheduleExpression"):
                schedule_timing(body).check()
        except ValueError as error:
            return scheduler._error(400, "ValidationException", str(error))
        return original(name, body)

    return save


def _check_action(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    from llmstrat_iac.sandbox.emulator.compute.groups import group
    from llmstrat_iac.sandbox.emulator.schedules.occasions import group_timing
    from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, PassOnError

    group(asked["AutoScalingGroupName"])
    try:
        group_timing(asked).check()
    except ValueError as error:
        raise ApiError("ValidationError", f"Given recurrence string is invalid: {error}") from error
    raise PassOnError


ADDITION = Addition(
    name="schedules",
    why="universal targets are never called, time zones are ignored, and scheduled actions are kept but never act",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(SCHEDULER, "start_scheduler", ()),
        Seam(SCHEDULER, "_now", ()),
        Seam(SCHEDULER, "_create_schedule", ("name", "body")),
        Seam(SCHEDULER, "_update_schedule", ("name", "body")),
        Seam(SCHEDULER, "_error", ("status", "code", "message")),
        Seam(SCALING, "_scheduled_action_record", ("asg_name", "action_name", "arn", "fields")),
        Seam(_EVENTS, "_parse_cron_fields", ("expr",)),
        Seam(_EVENTS, "_cron_next_fire", ("fields", "after_dt")),
        Seam(_EVALUATOR, "evaluate", ("ctx", "policies")),
        Seam(_EVALUATOR, "_gather_role_policies", ("role_name", "account_id")),
        Seam(_EVALUATOR, "_service_principal_matches", ("principal", "service")),
        Seam(_APP, "_handle_admin_config_request", ("path", "method", "body")),
    ),
    install=_install,
)
