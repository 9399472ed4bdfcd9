"""Shows an engine operation while it runs: a live tree with progress at a terminal, a line a resource elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from llmstrat_iac.engine.events import (
    Diagnostic,
    Download,
    EngineEvent,
    Op,
    Progress,
    ResourceDone,
    ResourceFailed,
    ResourceStarted,
    Severity,
    Summary,
)

_MARKS = {
    Op.CREATE: ("+", "green"),
    Op.UPDATE: ("~", "yellow"),
    Op.REPLACE: ("±", "magenta"),
    Op.DELETE: ("-", "red"),
    Op.IMPORT: ("=", "cyan"),
    Op.FORGET: ("-", "red"),
}
_QUIET = frozenset({Op.SAME, Op.READ, Op.REFRESH})
_RUNNING_SHOWN = 8


@dataclass(frozen=True)
class _Running:
    name: str
    type: str
    op: Op
    since: float


class OperationView:
    """Takes engine events and keeps what there is to show. `verb` is the line's beginning, such as `Creating`."""

    def __init__(
        self,
        console: Console,
        verb: str,
        *,
        lists_resources: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._verb = verb
        self._lists_resources = lists_resources
        self._clock = clock
        self._began = clock()
        self._running: dict[str, _Running] = {}
        self._progress = Progress(0, 0)
        self._download: Download | None = None
        self._spinner = Spinner("dots")

    def __call__(self, event: EngineEvent) -> None:
        match event:
            case ResourceStarted():
                self._running[event.urn] = _Running(event.name, event.type, event.op, self._clock())
            case ResourceDone() | ResourceFailed():
                self._running.pop(event.urn, None)
                self._print_resource(event)
            case Progress():
                self._progress = event
            case Download():
                self._download = None if event.done else event
            case Diagnostic(severity=Severity.WARNING, message=message):
                # Errors come once, explained, with the exception that ends the operation.
                self._console.print(Text(f"  warning: {message}", style="yellow"))
            case Summary():
                self._running.clear()

    def _print_resource(self, event: ResourceDone | ResourceFailed) -> None:
        if isinstance(event, ResourceFailed):
            self._console.print(Text(f"  ✗ {event.name}  {short_type(event.type)}  {event.op} failed", style="red"))
        elif self._lists_resources and event.op not in _QUIET and event.physical:
            mark, style = _MARKS.get(event.op, ("·", "dim"))
            line = Text.assemble(
                (f"  {mark} ", style), event.name, (f"  {short_type(event.type)}  {event.seconds:.1f} s", "dim")
            )
            self._console.print(line)

    def __rich__(self) -> RenderableType:
        elapsed = self._clock() - self._began
        head = Table.grid(padding=(0, 1))
        done, planned = self._progress.done, self._progress.planned
        bar = ProgressBar(total=max(planned, 1), completed=done, width=28)
        head.add_row(self._spinner, self._verb, bar, f"{done}/{planned}", Text(f"{elapsed:.0f} s", style="dim"))
        lines: list[RenderableType] = [head]
        if self._download:
            lines.append(Text(f"    downloading {self._download.name}", style="dim"))
        running = sorted(self._running.values(), key=lambda item: item.since)
        for item in running[:_RUNNING_SHOWN]:
            seconds = self._clock() - item.since
            lines.append(Text(f"    {item.name}  {short_type(item.type)}  {item.op}  {seconds:.0f} s", style="dim"))
        if len(running) > _RUNNING_SHOWN:
            lines.append(Text(f"    and {len(running) - _RUNNING_SHOWN} more", style="dim"))
        return Group(*lines)


@contextmanager
def operation_view(console: Console, verb: str, *, lists_resources: bool = True) -> Iterator[OperationView]:
    """Show an operation for the length of a `with` block; the view is the `on_event` callback."""
    view = OperationView(console, verb, lists_resources=lists_resources)
    if not console.is_terminal:
        yield view
        return
    with Live(view, console=console, refresh_per_second=8, transient=True):
        yield view


def short_type(token: str) -> str:
    """`aws:apigateway/restApi:RestApi` as `apigateway.RestApi`."""
    package, _, rest = token.partition(":")
    module, _, name = rest.rpartition(":")
    module = module.split("/")[0]
    return f"{module}.{name}" if package == "aws" and module else name or token
