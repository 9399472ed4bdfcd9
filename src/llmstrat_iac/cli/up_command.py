"""`llmstrat up`: plan, preview, ask, create, smoke-test, and say how to call the endpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument, yes_option
from llmstrat_iac.errors import LlmstratError

if TYPE_CHECKING:
    from llmstrat_iac.cli.targets import TargetEnvironment
    from llmstrat_iac.engine.results import OperationResult, Snapshot
    from llmstrat_iac.engine.stack import Stack
    from llmstrat_iac.hookspecs import ResolvedSpec
    from llmstrat_iac.operations.smoke import SmokeResult
    from llmstrat_iac.spec.common import Endpoint
    from llmstrat_iac.tuning import TuningState


@click.command("up")
@spec_argument
@sandbox_option
@yes_option
@json_option
@click.option("--preview", "preview_only", is_flag=True, help="Show what would change, and stop.")
@click.option("--wait", is_flag=True, help="Wait for the job, deploy its model, and wait until it is loaded.")
@click.option("--deploy", "release", is_flag=True, help="Deploy a tuned model whose spec says `deploy: manual`.")
@click.option("--retry", is_flag=True, help="Start a job that has failed, or was cancelled, anew.")
@click.option("--renew", is_flag=True, help="Start the time to live anew.")
@click.option("--skip-smoke-test", is_flag=True, help="Don't call the endpoint afterwards.")
@click.option("--skip-preflight", is_flag=True, help="Don't ask AWS about credentials, quotas and models first.")
def command(
    *,
    spec: Path,
    sandbox: bool,
    yes: bool,
    as_json: bool,
    preview_only: bool,
    skip_smoke_test: bool,
    skip_preflight: bool,
    wait: bool,
    **choices: bool,
) -> int:
    """Create or update the stack of SPEC, then smoke-test its endpoint."""
    if as_json and not (yes or preview_only):
        raise click.UsageError("--json can't ask: add --yes to deploy, or --preview to look only")
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        run = _Up(spec, resolved, target, _Choices(**choices), as_json=as_json, assume_yes=yes)
        prepared = run.prepare(run.check(preflight=not skip_preflight))
        if preview_only:
            if as_json:
                click.echo(json.dumps(run.changes(prepared[1]), indent=2))
            return 0
        result = run.deploy(*prepared)
        if wait and resolved.job is not None:
            result = run.deploy_when_completed() or result
        code = run.finish(result, smoke=not skip_smoke_test, patient=wait)
        if target.ephemeral and code == 0:
            code = run.hold_and_destroy()
    return code


def deploy_and_wait(
    spec: Path, resolved: ResolvedSpec, target: TargetEnvironment, *, retry: bool, as_json: bool
) -> None:
    """What `up --yes --wait` does, but for the endpoint: for a job that changes nothing there."""
    choices = _Choices(renew=False, retry=retry, release=False)
    run = _Up(spec, resolved, target, choices, as_json=as_json, assume_yes=True)
    run.deploy(*run.prepare(run.check(preflight=True)))
    run.deploy_when_completed()


@dataclass(frozen=True)
class _Choices:
    """What the options say about how to deploy."""

    renew: bool
    retry: bool
    release: bool


class _Up:
    """One run of the command, with what its steps share."""

    def __init__(
        self,
        spec: Path,
        resolved: ResolvedSpec,
        target: TargetEnvironment,
        choices: _Choices,
        *,
        as_json: bool,
        assume_yes: bool,
    ) -> None:
        from llmstrat_iac.cli.render import console
        from llmstrat_iac.operations.deployment import open_deployment

        self.spec = spec
        self.resolved = resolved
        self.target = target
        self.choices = choices
        self.as_json = as_json
        self.assume_yes = assume_yes
        self.console = console(stderr=as_json)
        self.deployment = open_deployment(resolved, target.variables)

    def prepare(self, snapshot: Snapshot | None) -> tuple[Stack, OperationResult]:
        """Preview and show what would change to what is recorded."""
        from llmstrat_iac.cli.live import operation_view
        from llmstrat_iac.operations.deployment import has_expired, next_expiry
        from llmstrat_iac.operations.tuning import abandoned_model
        from llmstrat_iac.program import secrets_from_environment

        secrets = secrets_from_environment(self.resolved, self.target.variables)
        now = self.deployment.target.now()
        is_new = snapshot is None or not snapshot.resources
        if snapshot is not None and (has_expired(snapshot, now) or self._fleet_ails(snapshot)):
            # The expiry, or a fleet that gave up, has changed things behind Pulumi's back: only a refresh mends that.
            with operation_view(self.console, "Looking at what has stopped", lists_resources=False) as view:
                self.deployment.stack().refresh(view)
        tuning = None if self.resolved.job is None else self._job_state(secrets, snapshot)
        if (lost := abandoned_model(self.resolved, snapshot)) is not None:
            self.console.print(f"[yellow]The trained model is deleted with its bucket:[/] {lost}", soft_wrap=True)
        expires = next_expiry(self.deployment, snapshot, now=now, renew=self.choices.renew)
        context = self.deployment.context(expires=expires, secrets=secrets, tuning=tuning)
        stack = self.deployment.stack(context)
        # Of a new stack the plan has listed everything already.
        with operation_view(self.console, "Previewing", lists_resources=not is_new) as view:
            preview = stack.preview(view)
        self._show_changes(preview, is_new=is_new)
        return stack, preview

    def _fleet_ails(self, snapshot: Snapshot) -> bool:
        from llmstrat_iac.operations.fleet import fleet_health

        health = fleet_health(self.resolved, snapshot.outputs.values, self.deployment.session())
        return health is not None and not health.well

    def _job_state(self, secrets: Mapping[str, str], snapshot: Snapshot | None) -> TuningState:
        """How far the job is, after saying what this `up` does about it."""
        from llmstrat_iac.cli.live import operation_view
        from llmstrat_iac.operations.jobs_in_state import refresh_jobs
        from llmstrat_iac.operations.tuning import current_state, what_up_does, with_known_data

        self.deployment = with_known_data(self.deployment)
        job = self.deployment.resolved.job
        assert job is not None, "only asked for specs with a job"
        state = current_state(self.deployment, secrets, snapshot, retry=self.choices.retry, deploy=self.choices.release)
        kind = "Tuning" if self.resolved.tuning else "Training"
        plan = what_up_does(state, snapshot, job.identity, serves=self.resolved.spec.endpoint is not None)
        self.console.print(f"[bold]{kind}[/bold] {plan}", soft_wrap=True)
        with operation_view(self.console, "Looking at the job", lists_resources=False) as view:
            refresh_jobs(self.deployment.stack(), snapshot, view)
        return state

    def deploy_when_completed(self) -> OperationResult | None:
        """Wait for the job; deploy its model unless that is done, or to be done by hand.

        What only a training of the stack's own needed (network, cluster) bills on until a deployment after its end, so
        that there is one in any case.
        """
        from llmstrat_iac.cli.tuning_view import follow
        from llmstrat_iac.operations.jobs_in_state import settled
        from llmstrat_iac.operations.tuning import Follower, require_completed, served_identity
        from llmstrat_iac.tuning import JobState

        job = follow(Follower(self.deployment, self.target.variables), self.console)
        self.choices = replace(self.choices, retry=False)
        snapshot = self.deployment.snapshot()
        bills_on = self.resolved.tuning is None and snapshot is not None and not settled(snapshot)
        if bills_on and job.state is not JobState.COMPLETED:
            self.deploy(*self.prepare(snapshot), ask=False)
        require_completed(job)
        wanted = self.deployment.resolved.job
        assert wanted is not None, "only asked for specs with a job"
        by_hand = not wanted.serves_when_completed and not self.choices.release
        if (by_hand and not bills_on) or served_identity(snapshot) == job.identity:
            return None
        return self.deploy(*self.prepare(snapshot), ask=False)

    def deploy(self, stack: Stack, preview: OperationResult, *, ask: bool = True) -> OperationResult:
        """Ask and deploy."""
        from llmstrat_iac.cli.live import operation_view
        from llmstrat_iac.operations.events import announce

        if preview.changed and ask and not self.assume_yes:
            click.confirm("Deploy this?", abort=True)
        announce(self.resolved, "up.started")
        try:
            with operation_view(self.console, "Deploying") as view:
                result = stack.up(view, planned=preview.total)
        except LlmstratError as error:
            announce(self.resolved, "up.failed", error.message)
            raise
        announce(self.resolved, "up.done")
        return result

    def check(self, *, preflight: bool) -> Snapshot | None:
        """Refuse what the plan or AWS speaks against, before anything is changed; returns what is recorded."""
        from llmstrat_iac.cli.render import print_plan_details, print_plan_head
        from llmstrat_iac.operations.checks import check_before_up
        from llmstrat_iac.program import secrets_from_environment

        secrets_from_environment(self.resolved, self.target.variables)
        snapshot = self.deployment.snapshot()
        is_new = snapshot is None or not snapshot.resources
        plan, findings = check_before_up(
            self.resolved, self.deployment.session() if preflight else None, now=self.deployment.target.now()
        )
        if not self.as_json:
            # Whoever is about to be asked sees all of it; scripts, and updates, the sums and the findings.
            asks_for_the_first_time = is_new and not self.assume_yes
            (print_plan_details if asks_for_the_first_time else print_plan_head)(plan, self.console)
        errors = [finding for finding in findings if finding.severity == "error"]
        if errors:
            lines = "\n".join(f"  {one.rule}: {one.path}: {one.message}. {one.remedy}" for one in errors)
            raise LlmstratError(
                f"{self.spec}: the plan has {len(errors)} error{'s' if len(errors) > 1 else ''}\n{lines}",
                remedy="nothing was changed; repair the spec and try again",
            )
        return snapshot

    def _show_changes(self, preview: OperationResult, *, is_new: bool) -> None:
        counts = ", ".join(f"{count} to {op}" for op, count in preview.physical.items() if op != "same")
        where = "the sandbox" if self.target.sandbox else f"AWS, {self.resolved.spec.region}"
        verb = "Create" if is_new else "Update"
        self.console.print(f"{verb} [bold]{self.deployment.name}[/bold] in {where}: {counts or 'no changes'}")

    def finish(self, result: OperationResult, *, smoke: bool, patient: bool) -> int:
        """Smoke-test, and say how to call the endpoint; returns the exit code. `patient` waits for a fleet to load."""
        snapshot = self.deployment.snapshot(show_secrets=True)
        assert snapshot is not None, "the stack exists after an up"
        values = dict(snapshot.outputs.values)
        checks = self._smoke(values, patient=patient) if smoke and values.get("keys") else ()
        if self.as_json:
            click.echo(json.dumps(self._document(result, values, checks), indent=2))
        else:
            from llmstrat_iac.cli.render_endpoint import print_endpoint, print_result

            print_result(self.console, values, checks, result)
            if values.get("keys"):
                print_endpoint(self.console, self.spec, values, self._endpoint(), sandbox=self.target.sandbox)
        return 0 if all(check.passed or check.pending for check in checks) else 1

    def _smoke(self, values: dict[str, Any], *, patient: bool) -> tuple[SmokeResult, ...]:
        from llmstrat_iac.operations.smoke import smoke_stack

        status = self.console.status("Calling the endpoint") if self.console.is_terminal else nullcontext()
        with status:
            return smoke_stack(self.resolved, values, patient=patient)

    def _endpoint(self) -> Endpoint:
        endpoint = self.resolved.spec.endpoint
        assert endpoint is not None, "only a stack with an endpoint exports keys"
        return endpoint

    def changes(self, result: OperationResult) -> dict[str, Any]:
        """What an operation did or would do, for `--json`."""
        return {
            "stack": self.deployment.name,
            "changes": {str(op): count for op, count in result.physical.items()},
            "seconds": round(result.seconds, 1),
        }

    def _document(self, result: OperationResult, values: dict[str, Any], checks: tuple[SmokeResult, ...]) -> Any:
        return self.changes(result) | {
            "outputs": {name: value for name, value in values.items() if name != "keys"},
            "smoke_test": [
                {"what": one.what, "passed": one.passed, "pending": one.pending, "detail": one.detail} for one in checks
            ],
        }

    def hold_and_destroy(self) -> int:
        """Keep a sandbox that lives as long as the command until Ctrl-C, then take the stack down."""
        from llmstrat_iac.cli.down_command import take_down
        from llmstrat_iac.cli.waiting import wait_for_interrupt

        if self.console.is_terminal and not self.as_json:
            self.console.print("The sandbox runs as long as this command. Press Ctrl-C to take everything down.")
            wait_for_interrupt()
        return take_down(self.deployment, self.console, as_json=self.as_json)
