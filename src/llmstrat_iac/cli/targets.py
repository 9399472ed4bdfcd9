"""Chooses the target of a command: AWS as the environment says, or the sandbox, which replaces the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.target import Target


@dataclass(frozen=True)
class TargetEnvironment:
    """The environment that a command works in. `ephemeral`: its sandbox ends with the command."""

    variables: Mapping[str, str]
    sandbox: bool
    ephemeral: bool

    def now(self) -> datetime:
        """The target's time in UTC: the sandbox's clock can be moved."""
        return Target.from_environment(self.variables).now()


@contextmanager
def target_environment(*, sandbox: bool, resolved: ResolvedSpec | None = None) -> Iterator[TargetEnvironment]:
    """Enter the target. For the sandbox this process's environment is replaced, so that nothing in it can reach AWS."""
    if not sandbox:
        yield TargetEnvironment(dict(os.environ), sandbox=False, ephemeral=False)
        return
    from llmstrat_iac.cli.sandbox_home import sandbox_home
    from llmstrat_iac.operations.credentials import existing_secrets, placeholders, seed_secrets
    from llmstrat_iac.operations.deployment import open_session
    from llmstrat_iac.operations.inputs import seed_inputs
    from llmstrat_iac.sandbox.session import Sandbox

    before = dict(os.environ)
    with Sandbox.borrow(sandbox_home()) as session:
        variables = session.isolated(before) | (placeholders(resolved) if resolved else {})
        _replace_environment(variables)
        try:
            if resolved is not None:
                seed_secrets(existing_secrets(resolved), open_session(resolved.spec.region))
                seed_inputs(resolved, open_session(resolved.spec.region))
            yield TargetEnvironment(variables, sandbox=True, ephemeral=not session.lasting)
        finally:
            _replace_environment(before)


def _replace_environment(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
