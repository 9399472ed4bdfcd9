"""Without a terminal an operation prints a line for each resource that changed, warnings and failures, no more."""

from __future__ import annotations

import io

from rich.console import Console

from llmstrat_iac.cli.live import OperationView, operation_view, short_type
from llmstrat_iac.engine.events import (
    STACK_TYPE,
    Diagnostic,
    EngineEvent,
    Op,
    Progress,
    ResourceDone,
    ResourceFailed,
    ResourceStarted,
    Severity,
)

ROLE = ("urn:role", "aws:iam/role:Role", "relay")
TABLE = ("urn:table", "aws:dynamodb/table:Table", "budgets")
EVENTS: list[EngineEvent] = [
    ResourceStarted(*ROLE, Op.CREATE),
    ResourceStarted(*TABLE, Op.SAME),
    Progress(2, 0),
    ResourceDone(*ROLE, Op.CREATE, 1.25),
    ResourceDone(*TABLE, Op.SAME, 0.1),
    ResourceDone("urn:stack", STACK_TYPE, "stack", Op.CREATE, 2.0, physical=False),
    Diagnostic(Severity.INFO, "not shown", ""),
    Diagnostic(Severity.WARNING, "be careful", ""),
    Diagnostic(Severity.ERROR, "comes with the exception", ""),
    ResourceFailed(*TABLE, Op.UPDATE, 0.5),
]


def plain(*, lists_resources: bool = True) -> list[str]:
    out = io.StringIO()
    with operation_view(Console(file=out, width=100), "Deploying", lists_resources=lists_resources) as view:
        for event in EVENTS:
            view(event)
    return out.getvalue().splitlines()


def test_lines_for_what_changed() -> None:
    assert plain() == [
        "  + relay  iam.Role  1.2 s",
        "  warning: be careful",
        "  ✗ budgets  dynamodb.Table  update failed",
    ]


def test_failures_are_shown_even_where_resources_are_not() -> None:
    assert plain(lists_resources=False) == ["  warning: be careful", "  ✗ budgets  dynamodb.Table  update failed"]


def test_a_terminal_sees_what_is_running() -> None:
    ticks = iter([0.0, 1.0, 4.0, 4.0])
    out = io.StringIO()
    console = Console(file=out, width=100)
    view = OperationView(console, "Deploying", clock=lambda: next(ticks))
    view(ResourceStarted(*ROLE, Op.CREATE))
    view(Progress(5, 2))
    console.print(view)
    shown = out.getvalue()
    assert "Deploying" in shown
    assert "2/5" in shown
    assert "relay  iam.Role  create  3 s" in shown


def test_short_types() -> None:
    assert short_type("aws:apigateway/restApi:RestApi") == "apigateway.RestApi"
    assert short_type("pulumi-python:dynamic/llmstrat:ConsumerKey") == "ConsumerKey"
    assert short_type("llmstrat:gateway:Gateway") == "Gateway"
