"""What HyperPod's nodes run when they are ready, as files in S3: how a job gets submitted without anybody's shell.

The controller submits it itself, by a service that outlives reboots. Scripts that EC2's nodes have, too, are theirs.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib.resources import files

CONTROLLER, WORKER = "controller.sh", "worker.sh"
"""Each group's entry, as its `LifeCycleConfig.OnInitComplete`."""
_OWN = (CONTROLLER, WORKER, "install.sh", "say.sh", "submit.sh", "over.sh", "python.sh", "llmstrat-submit.service")
_SHARED = ("machine.sh", "job_status.py")
ENVIRONMENT = "env"
FILES = (*_OWN, *_SHARED, ENVIRONMENT)


def render_lifecycle(environment: Mapping[str, str]) -> dict[str, str]:
    """File names to contents."""
    variables = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    return {**_scripts("hyperpod", _OWN), **_scripts("ec2", _SHARED), ENVIRONMENT: variables}


def _scripts(runtime: str, names: tuple[str, ...]) -> dict[str, str]:
    folder = files(f"llmstrat_iac.components.{runtime}").joinpath("scripts")
    return {name: folder.joinpath(name).read_text(encoding="utf-8") for name in names}
