"""The job's log: its container's lines in the emulated CloudWatch Logs, and the metrics that its regexes find there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmstrat_iac.sandbox.jobs import clock

GROUP = "/aws/sagemaker/TrainingJobs"


def append(group: str, stream: str, lines: Iterable[str]) -> None:
    """Add lines to a stream, which is made if need be; nothing comes of it without the group."""
    from ministack.services import cloudwatch_logs as logs

    # Answers with an error if it is there already, which is fine.
    logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    moment = int(time.time() * 1000)
    events = [{"timestamp": moment, "message": line} for line in lines]
    logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": events})


@dataclass
class JobLog:
    """One stream, `<job>/algo-1-<start>`, made with its first line."""

    job: str
    started: float = field(default_factory=clock)
    lines: list[str] = field(default_factory=list)

    @property
    def stream(self) -> str:
        """Its name."""
        return f"{self.job}/algo-1-{int(self.started)}"

    def write(self, lines: Iterable[str]) -> None:
        """Append lines, as of now."""
        from ministack.services import cloudwatch_logs as logs

        added = [line for line in lines if line.strip()]
        if added:
            # Answers with an error if it is there already, which is fine.
            logs._create_log_group({"logGroupName": GROUP})
            append(GROUP, self.stream, added)
            self.lines += added

    def metrics(self, definitions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The last value of each metric that the job defines, as SageMaker finds it."""
        found = []
        for definition in definitions:
            pattern = re.compile(definition["Regex"])
            value = next((hit.group(1) for line in reversed(self.lines) if (hit := pattern.search(line))), None)
            if value is not None:
                found.append({"MetricName": definition["Name"], "Value": float(value), "Timestamp": time.time()})
        return found
