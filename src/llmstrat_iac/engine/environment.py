"""The environment of the engine's processes: what was given, the backend, and what inline programs need. Pure."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from llmstrat_iac.engine.backends import Backend
from llmstrat_iac.engine.locate import PulumiCli

DEBUG_PROVIDERS_VARIABLE = "PULUMI_DEBUG_PROVIDERS"


def process_environment(cli: PulumiCli, backend: Backend, given: Mapping[str, str]) -> dict[str, str]:
    """Complete the given environment so that this Python and this engine come first."""
    folders = [str(cli.bin_dir), str(Path(sys.executable).parent), given.get("PATH", os.defpath)]
    settings = {
        "PATH": os.pathsep.join(folders),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The flags for inline programs and the event stream are hidden without it.
        "PULUMI_DEBUG_COMMANDS": "true",
        "PULUMI_AUTOMATION_API": "true",
        # What the dynamic provider is started with; `python3` on PATH need not be this one.
        "PULUMI_PYTHON_CMD": sys.executable,
    }
    if given.get(DEBUG_PROVIDERS_VARIABLE):
        settings["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    # API Gateway's control plane allows a few calls a second; adaptive retries wait instead of failing.
    return {"AWS_RETRY_MODE": "adaptive", **given, **backend.environment(), **settings}
