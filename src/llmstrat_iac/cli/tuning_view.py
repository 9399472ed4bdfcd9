"""Shows a job: one live line at a terminal, a line a change elsewhere, and a document for `--json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmstrat_iac.tuning import JobState, TuningJob
from llmstrat_iac.tuning.jobs import in_words

if TYPE_CHECKING:
    from rich.console import Console

    from llmstrat_iac.operations.tuning import Follower

_STYLES = {JobState.COMPLETED: "green", JobState.FAILED: "red", JobState.CANCELLED: "yellow"}


def follow(follower: Follower, console: Console) -> TuningJob:
    """Show the job until it is over; returns it."""
    if console.is_terminal:
        with console.status("Looking at the job") as status:
            for job in follower.watch():
                status.update(describe(job))
    else:
        shown = ""
        for job in follower.watch():
            if describe(job) != shown:
                shown = describe(job)
                console.print(shown, soft_wrap=True)
    if console.is_terminal:
        console.print(describe(job), soft_wrap=True)
    return job


def describe(job: TuningJob) -> str:
    """One line with markup: name, state, progress, metrics, reason."""
    from rich.markup import escape

    style = _STYLES.get(job.state, "cyan")
    parts = [f"[bold]{job.name}[/bold] [{style}]{job.state}[/{style}]"]
    if job.progress is not None and not job.state.over:
        parts.append(f"{job.progress:.0%}")
    parts += in_words(job.metrics)
    if job.failure:
        parts.append(escape(job.failure))
    return "  ".join(parts)


def document(job: TuningJob) -> dict[str, Any]:
    """The job for `--json`."""
    return {
        "name": job.name,
        "id": job.vendor_id,
        "identity": job.identity,
        "state": str(job.state),
        "progress": job.progress,
        "created": None if job.created is None else job.created.isoformat(),
        "finished": None if job.finished is None else job.finished.isoformat(),
        "metrics": dict(job.metrics),
        "failure": job.failure,
        "model": job.model_id,
    }
