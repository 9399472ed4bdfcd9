"""The translation of Pulumi's events, fed with events as the engine sends them."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.engine.events import (
    Diagnostic,
    Download,
    EventTranslator,
    Op,
    Progress,
    ResourceDone,
    ResourceFailed,
    ResourceStarted,
    Severity,
    Summary,
    mask_secrets,
)

URN = "urn:pulumi:dev::proj::aws:s3/bucket:Bucket::logs"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


class Clock:
    """Time that moves one second a look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def step(kind: str, op: str, *, urn: str = URN, type_: str = "aws:s3/bucket:Bucket", **new: Any) -> dict[str, Any]:
    return {kind: {"metadata": {"op": op, "urn": urn, "type": type_, "new": {"custom": True, **new}}}}


def translate(translator: EventTranslator, *raw: dict[str, Any]) -> list[object]:
    return [event for one in raw for event in translator.translate(one)]


def test_create_takes_its_time_and_counts() -> None:
    translator = EventTranslator(planned=2, clock=Clock())
    events = translate(translator, step("resourcePreEvent", "create"), step("resOutputsEvent", "create"))
    identity = (URN, "aws:s3/bucket:Bucket", "logs")
    assert events == [
        ResourceStarted(*identity, Op.CREATE),
        Progress(planned=2, done=0),
        ResourceDone(*identity, Op.CREATE, seconds=1.0),
        Progress(planned=2, done=1),
    ]


def test_failure_is_an_event_and_remembered() -> None:
    translator = EventTranslator(clock=Clock())
    events = translate(translator, step("resourcePreEvent", "update"), step("resOpFailedEvent", "update"))
    failure = ResourceFailed(URN, "aws:s3/bucket:Bucket", "logs", Op.UPDATE, seconds=1.0)
    assert failure in events
    assert translator.failed == [failure]


def test_replacement_is_two_steps_and_the_logical_one_is_silent() -> None:
    translator = EventTranslator(clock=Clock())
    names = ("create-replacement", "replace", "delete-replaced")
    raw = [step(kind, op) for op in names for kind in ("resourcePreEvent", "resOutputsEvent")]
    done = [one.op for one in translate(translator, *raw) if isinstance(one, ResourceDone)]
    assert done == [Op.REPLACE, Op.DELETE]


def test_refresh_is_done_as_what_it_found() -> None:
    translator = EventTranslator(clock=Clock())
    events = translate(translator, step("resourcePreEvent", "refresh"), step("resOutputsEvent", "delete"))
    assert [type(one) for one in events] == [ResourceStarted, Progress, ResourceDone, Progress]


def test_providers_and_unknown_operations_and_events_are_silent() -> None:
    translator = EventTranslator(clock=Clock())
    provider = {"urn": "urn:pulumi:dev::proj::pulumi:providers:aws::default", "type_": "pulumi:providers:aws"}
    raw = [
        step("resourcePreEvent", "create", **provider),
        step("resOutputsEvent", "create", **provider),
        step("resourcePreEvent", "something-new"),
        {"preludeEvent": {"config": {"proj:token": "[secret]"}}},
        {"cancelEvent": {}},
        {"eventOfTheFuture": {}},
    ]
    assert translate(translator, *raw) == []


def test_diagnostics_lose_colour_and_debug_is_dropped() -> None:
    translator = EventTranslator(clock=Clock())

    def said(severity: str, message: str) -> dict[str, Any]:
        return {"diagnosticEvent": {"severity": severity, "message": message, "urn": URN, "color": "raw"}}

    events = translate(
        translator,
        said("debug", "registering"),
        said("warning", "<{%fg 3%}>careful<{%reset%}>\n"),
        said("info#err", "\x1b[31mhm\x1b[0m"),
        said("error", "no"),
        said("info", "  "),
    )
    assert events == [
        Diagnostic(Severity.WARNING, "careful", URN),
        Diagnostic(Severity.INFO, "hm", URN),
        Diagnostic(Severity.ERROR, "no", URN),
    ]
    assert translator.errors == [Diagnostic(Severity.ERROR, "no", URN)]


def test_summary_counts_a_replacement_once() -> None:
    translator = EventTranslator(clock=Clock())
    changes = {"create": 2, "create-replacement": 1, "delete-replaced": 1, "replace": 1, "same": 4}
    (summary,) = translator.translate({"summaryEvent": {"resourceChanges": changes, "durationSeconds": 9}})
    assert isinstance(summary, Summary)
    assert summary.changes == {Op.CREATE: 2, Op.REPLACE: 1, Op.SAME: 4}
    (empty,) = translator.translate({"summaryEvent": {"resourceChanges": None, "durationSeconds": 0}})
    assert isinstance(empty, Summary)
    assert empty.changes == {}


def test_download_of_a_plugin() -> None:
    raw = {"type": "plugin-download", "id": "aws", "message": "Downloading aws", "received": 5, "total": -1}
    assert EventTranslator().translate({"progressEvent": {**raw, "done": False}}) == [
        Download("Downloading aws", received=5, total=0, done=False)
    ]


def test_outputs_of_the_stack_are_masked() -> None:
    translator = EventTranslator(clock=Clock())
    translate(
        translator,
        step(
            "resOutputsEvent",
            "create",
            urn="urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev",
            type_="pulumi:pulumi:Stack",
            outputs={"key": SECRET, "deep": [{"a": SECRET}], "url": "https://x"},
        ),
    )
    assert translator.outputs == {"key": "[secret]", "deep": [{"a": "[secret]"}], "url": "https://x"}
    assert mask_secrets("plain") == "plain"


def test_physical_resources_are_counted_apart_and_a_replacement_once() -> None:
    translator = EventTranslator()

    def done(urn: str, op: str, *, custom: bool, type_: str = "aws:iam/role:Role") -> None:
        metadata = {"urn": urn, "type": type_, "op": op, "new": {"custom": custom}}
        translator.translate({"resourcePreEvent": {"metadata": metadata}})
        translator.translate({"resOutputsEvent": {"metadata": metadata}})

    done("urn::component", "create", custom=False, type_="llmstrat:gateway:Gateway")
    done("urn::role", "create", custom=True)
    done("urn::table", "same", custom=True)
    done("urn::api", "create-replacement", custom=True)
    done("urn::api", "delete-replaced", custom=True)
    assert translator.physical == {Op.CREATE: 1, Op.SAME: 1, Op.REPLACE: 1}
