"""`llmstrat accept --run`: edit the spec so that its job is the gate alone, deploy that, wait, and put the spec back.

The spec is put back once the test is over: the command tests, and what the spec is for is still to come. While the
test is under way, such as after Ctrl-C, the spec goes on to say `only`, so that no `up` puts the training in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmstrat_iac.errors import LlmstratError

if TYPE_CHECKING:
    from rich.console import Console

    from llmstrat_iac.cli.targets import TargetEnvironment
    from llmstrat_iac.hookspecs import ResolvedSpec
    from llmstrat_iac.operations.deployment import Deployment


def run_gate(spec: Path, *, sandbox: bool, yes: bool, as_json: bool) -> dict[str, Any] | None:
    """The verdict of a new test of SPEC's cluster, after a confirmation that names what it costs."""
    from llmstrat_iac.cli.down_command import take_down
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.acceptance import gate_alone, last_verdict
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.planner.load import load_spec

    resolved, out = load_spec(spec), console(stderr=as_json)
    alone = gate_alone(resolved)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        _ask(alone, out, yes=yes)
        deployment = open_deployment(alone, target.variables)
        before = last_verdict(deployment.snapshot(), deployment.session())
        with only_the_gate(spec, deployment, out):
            failure = _deploy(spec, target, as_json=as_json)
        verdict = last_verdict(deployment.snapshot(), deployment.session())
        # A refused cluster is a failed job, but what failed may as well be the deployment before or after it.
        if failure is not None and (verdict is None or verdict == before or verdict["passed"]):
            raise failure
        if target.ephemeral:
            take_down(deployment, out, as_json=False)
    return verdict


def what_comes_next(spec: Path) -> str:
    """What to do after a test: the spec may have said `only` before, too."""
    from llmstrat_iac.planner.load import load_spec

    pretraining = load_spec(spec).pretraining
    still = pretraining is not None and pretraining.gate_only
    first = "take `acceptance: only` out of the spec, then " if still else ""
    return f"Its cluster is gone. To train on a new one, {first}`llmstrat up`; `llmstrat down` removes what is left."


def _deploy(spec: Path, target: TargetEnvironment, *, as_json: bool) -> LlmstratError | None:
    from llmstrat_iac.cli.up_command import deploy_and_wait
    from llmstrat_iac.planner.load import load_spec

    try:
        # Anew: what an earlier test has found says nothing of today's nodes.
        deploy_and_wait(spec, load_spec(spec), target, retry=True, as_json=as_json)
    except LlmstratError as error:
        return error
    return None


@contextmanager
def only_the_gate(spec: Path, deployment: Deployment, out: Console) -> Iterator[None]:
    """Let the spec say `acceptance: only` until the test is over; if none has begun, it is put back, too."""
    from llmstrat_iac.operations.acceptance import gate_under_way, say_only

    put_back = say_only(spec)
    try:
        yield
    finally:
        if gate_under_way(deployment.snapshot()):
            out.print(
                f"{spec} goes on to say `acceptance: only`, for the test is under way: `accept --run` waits for its "
                "end; take it out after that, to train.",
                soft_wrap=True,
                markup=False,
            )
        else:
            put_back()


def _ask(alone: ResolvedSpec, out: Console, *, yes: bool) -> None:
    from llmstrat_iac.operations.acceptance import gate_estimate
    from llmstrat_iac.operations.checks import check_before_up

    plan, _ = check_before_up(alone, None, now=datetime.now(UTC))
    estimate = gate_estimate(plan)
    out.print(
        f"A test of {estimate.cluster} takes {estimate.time} and costs {estimate.cost}; it trains nothing.",
        soft_wrap=True,
    )
    if not yes:
        click.confirm("Test the cluster?", abort=True, err=out.stderr)
