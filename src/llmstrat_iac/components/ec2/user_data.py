"""What an instance is told at its start: a script that writes a few files and runs one of them. No secrets in it.

The scripts and units are the files of `scripts/` as they are; all that differs from stack to stack is in /etc/llmstrat.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files

from llmstrat_iac.errors import LlmstratError

_LIMIT = 16_384
"""Bytes, before base64: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"""
_END = "LLMSTRAT"
_FLEET = (
    "imds.sh",
    "machine.sh",
    "token.sh",
    "fleet.sh",
    "adapters.sh",
    "engine.sh",
    "report.sh",
    "record_failure.sh",
    "failed.sh",
    "llmstrat-engine.service",
    "llmstrat-failed.service",
    "llmstrat-report.service",
    "llmstrat-report.timer",
)
_CLUSTER = (
    "imds.sh",
    "machine.sh",
    "cluster.sh",
    "lustre.sh",
    "node.sh",
    "node_ended.sh",
    "record_failure.sh",
    "node_failed.sh",
    "job_status.py",
    "over.sh",
    "watch.sh",
    "llmstrat-node.service",
    "llmstrat-node-failed.service",
    "llmstrat-watch.service",
    "llmstrat-watch.timer",
)
_TRAINING = ("imds.sh", "machine.sh", "training.sh", "job.sh", "finished.sh", "llmstrat-job.service")


def fleet_user_data(
    environment: Mapping[str, str], arguments: Sequence[str], adapters: Iterable[tuple[str, str, str | None]]
) -> str:
    """Of an instance that serves. `adapters` are folder, source and revision of what it downloads first.

    The array `vllm_arguments` is what whoever reads the user data finds the engine's arguments by.
    """
    words = "".join(f"  {_quoted(word)}\n" for word in arguments)
    lines = "".join(f"{folder}\t{source}\t{revision or '-'}\n" for folder, source, revision in adapters)
    return _script(
        environment,
        _FLEET,
        f"vllm_arguments=(\n{words})\n"
        "printf '%s\\n' \"${vllm_arguments[@]}\" >/etc/llmstrat/arguments\n" + _file("/etc/llmstrat/adapters", lines),
        start="fleet.sh",
        failed='failed.sh "the instance couldn\'t be prepared"',
    )


def training_user_data(environment: Mapping[str, str]) -> str:
    """Of an instance that trains."""
    return _script(
        environment,
        _TRAINING,
        "",
        start="training.sh",
        failed='finished.sh "the job couldn\'t be started: $(tail -n 5 /var/log/llmstrat.log)"',
    )


def cluster_user_data(environment: Mapping[str, str]) -> str:
    """Of a node of a cluster, the same for all of them."""
    return _script(
        environment,
        _CLUSTER,
        "",
        start="cluster.sh",
        failed='node_failed.sh "the node couldn\'t be prepared"',
    )


def _script(environment: Mapping[str, str], names: Iterable[str], more: str, *, start: str, failed: str) -> str:
    variables = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    text = (
        "#!/usr/bin/env bash\nset -euo pipefail\nmkdir -p /opt/llmstrat /etc/llmstrat\n"
        + _file("/etc/llmstrat/env", variables)
        + more
        + "".join(
            _file(_place(name), files(__package__).joinpath("scripts", name).read_text("utf-8")) for name in names
        )
        + "chmod 755 /opt/llmstrat/*\n"
        f"if ! /opt/llmstrat/{start} 2>&1 | tee -a /var/log/llmstrat.log | systemd-cat --identifier llmstrat; then\n"
        f"  /opt/llmstrat/{failed}\nfi\n"
    )
    if len(text.encode()) > _LIMIT:
        raise LlmstratError(
            f"an instance's user data would have {len(text.encode())} bytes, and EC2 takes {_LIMIT}",
            remedy="serve fewer adapters on one fleet",
        )
    return text


def _file(path: str, content: str) -> str:
    assert f"\n{_END}\n" not in content
    return f"cat >{path} <<'{_END}'\n{content}{_END}\n"


def _content(name: str) -> str:
    return files(__package__).joinpath("scripts", name).read_text(encoding="utf-8")


def _quoted(word: str) -> str:
    """Always in quotes, unlike `shlex.quote`: a comma in a bare word of an array looks like a mistake."""
    return "'" + word.replace("'", "'\\''") + "'"


def _place(name: str) -> str:
    return f"/opt/llmstrat/{name}" if name.endswith((".sh", ".py")) else f"/etc/systemd/system/{name}"
