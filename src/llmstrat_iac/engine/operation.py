"""One attempt at one operation: a `pulumi` process, the program it calls back, its events, its failure explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmstrat_iac.engine.events import EventTranslator, OnEvent
from llmstrat_iac.engine.failures import Failure, explain, explain_invoke
from llmstrat_iac.engine.process import Completed
from llmstrat_iac.engine.program import InlineHost, Program, engine_environment
from llmstrat_iac.engine.results import OperationResult
from llmstrat_iac.errors import EngineError, LlmstratError

RunPulumi = Callable[[Sequence[str]], Completed]


@dataclass(frozen=True)
class Operation:
    """What is asked of Pulumi. `creates`: make the stack's record if there is none; `changes`: the state is written."""

    verb: str
    arguments: tuple[str, ...]
    creates: bool = False
    changes: bool = True


_UNASKED = ("--yes", "--skip-preview")
PREVIEW = Operation("preview", ("preview",), creates=True, changes=False)
UP = Operation("up", ("up", *_UNASKED), creates=True)
REFRESH = Operation("refresh", ("refresh", *_UNASKED))
# A refresh settles unfinished updates and deletes by looking; an unfinished create has no id yet to look for.
SETTLE = Operation("refresh", ("refresh", *_UNASKED, "--clear-pending-creates"))
DESTROY = Operation("destroy", ("destroy", *_UNASKED))
DESTROY_AND_REMOVE = Operation("destroy", ("destroy", *_UNASKED, "--remove"))


@dataclass(frozen=True)
class Attempt:
    """An operation on one stack, ready to be run in `environment` by `run`."""

    operation: Operation
    project: str
    stack: str
    program: Program
    environment: Mapping[str, str]
    run: RunPulumi

    def perform(self, on_event: OnEvent, planned: int | None) -> OperationResult:
        """Run it to its end; raise our error, or the program's own."""
        translator = EventTranslator(planned=planned)

        def receive(raw: Mapping[str, Any]) -> None:
            for event in translator.translate(raw):
                on_event(event)

        with engine_environment(self.environment), InlineHost(self.program, receive) as host:
            completed = self.run([*self.operation.arguments, *_inline_flags(host.address)])
        if host.event_failure is not None:
            raise host.event_failure
        if completed.code != 0:
            raise self._failure(completed, translator, host.failure)
        summary = translator.summary
        return OperationResult(
            changes=summary.changes if summary else {},
            seconds=summary.seconds if summary else 0.0,
            outputs=translator.outputs,
            physical=translator.physical,
        )

    def _failure(
        self, completed: Completed, translator: EventTranslator, raised: BaseException | None
    ) -> BaseException:
        if isinstance(raised, LlmstratError):
            return raised
        refused = explain_invoke(raised) if raised is not None else None
        if refused is not None:
            refused.__cause__ = raised
            return refused
        failed, errors = tuple(translator.failed), tuple(translator.errors)
        explained = explain(Failure(self.operation.verb, self.project, self.stack, completed, failed, errors))
        # What a program raises after the engine has given up is only the echo of that.
        is_echo = bool(failed) or type(explained) is not EngineError
        if raised is not None and not is_echo:
            return raised
        explained.__cause__ = raised
        return explained


def _inline_flags(address: str) -> tuple[str, ...]:
    return (
        *("--client", address),
        *("--event-log", f"tcp://{address}"),
        *("--exec-kind", "auto.inline"),
        "--suppress-progress",
        "--suppress-outputs",
    )
