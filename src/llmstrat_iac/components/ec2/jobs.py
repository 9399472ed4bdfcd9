"""How far the jobs on EC2 are: what the launcher has written to the bucket, and whether anybody still works.

A job whose status isn't final and that no instance and no group works at any more has failed, whatever it wrote last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from llmstrat_iac.components.cluster_files import cluster_prefix
from llmstrat_iac.components.ec2.names import Ec2Names
from llmstrat_iac.components.job_files import job_prefix
from llmstrat_iac.components.leftovers import pages, unless_absent
from llmstrat_iac.components.names import TAG_STACK
from llmstrat_iac.components.tuning.aws_errors import explained
from llmstrat_iac.components.tuning.names import TAG_JOB, TuningNames, attempt_of, identity_of
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobEvent, JobState, TuningJob
from llmstrat_iac.tuning.identity import makes_model
from llmstrat_iac.tuning.jobs import in_words

_STATUS, _MANIFEST, _CANCELLED = "status.json", "output/manifest.json", "cancelled.json"
"""A launcher that is told to stop still writes a status: the mark of a cancelled job is a file of its own."""
_AT_ONCE = 500
"""Instances in one call; EC2 takes at most 1,000."""
_ALIVE = ("pending", "running", "shutting-down", "stopping")
_ENDED = "the instance ended before the job did: terminated from outside, or the stack's time was over"
_NEVER = "the instance ended before the job had begun: its log says why"


@dataclass(frozen=True)
class JobPlaces:
    """Where one kind of job is found."""

    log: str
    prefix: Callable[[str], str]
    """Key to the job's folder in the bucket, with the slash behind it."""
    name: Callable[[str], str]
    """Key to the physical name."""


@dataclass
class _Machines:
    """What there is of one job's machines."""

    instances: list[str]
    """Ids of those that are alive."""
    group: str | None = None
    replaces: bool = False
    """Whether the group brings another instance."""
    since: datetime | None = None

    @property
    def works(self) -> bool:
        return bool(self.instances) or self.replaces


def open_jobs(resolved: ResolvedSpec, session: AwsSession, _target: Target, _secrets: Mapping[str, str]) -> Ec2Jobs:
    """The stack's jobs: of the cluster, if the spec has one."""
    names = Ec2Names(resolved.stack_name)
    places = JobPlaces(names.cluster_log, cluster_prefix, names.cluster_job) if resolved.pretraining else None
    return Ec2Jobs(resolved.stack_name, resolved.spec.region, session, places)


class Ec2Jobs:
    """Jobs by their folder in the stack's bucket and by their tag on instances and groups; trainings by default."""

    def __init__(self, stack_name: str, region: str, session: AwsSession, places: JobPlaces | None = None) -> None:
        self._stack_name, self._region, names = stack_name, region, Ec2Names(stack_name)
        self._places = places or JobPlaces(names.training_log, job_prefix, names.job)
        self._session = session
        self._s3 = session.client("s3")
        self._bucket: str | None = None

    def list(self) -> tuple[TuningJob, ...]:
        """All jobs of this stack, the newest first."""
        with explained("the training jobs can't be listed"):
            machines = self._machines()
            keys = sorted({*self._keys(), *machines})
            jobs = [job for key in keys if (job := self._job(key, machines.get(key))) is not None]
        return tuple(sorted(jobs, key=lambda job: job.created.timestamp() if job.created else 0.0, reverse=True))

    def cancel(self, job: TuningJob) -> None:
        """Mark the job, then stop its group, so that nothing comes back, and its instance."""
        key = job.inputs["key"]
        with explained(f"the job {job.name} can't be stopped"):
            mark = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds")})
            self._s3.put_object(
                Bucket=self._bucket_name(), Key=self._places.prefix(key) + _CANCELLED, Body=mark.encode()
            )
            machines = self._machines().get(key)
            if machines is None:
                return
            if machines.group is not None:
                self._session.client("autoscaling").update_auto_scaling_group(
                    AutoScalingGroupName=machines.group, MinSize=0, MaxSize=0, DesiredCapacity=0
                )
            for start in range(0, len(machines.instances), _AT_ONCE):
                some = machines.instances[start : start + _AT_ONCE]
                self._session.client("ec2").terminate_instances(InstanceIds=some)

    def events(self, job: TuningJob) -> Iterator[JobEvent]:
        """Its beginning, the log, and its end; the log goes with the instance, once the job is over."""
        if job.created is not None:
            yield JobEvent(job.created, "info", f"{job.name} began")
        client = self._session.client("logs")
        arguments = {
            "logGroupName": self._places.log,
            "logStreamNamePrefix": f"{job.inputs['key']}/",
        }
        with explained(f"the log of {job.name} can't be read"):
            found = unless_absent(lambda: list(pages(client, "filter_log_events", "events", **arguments)))
        for event in found or ():
            at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
            yield JobEvent(at, "info", event["message"].rstrip())
        if job.failure:
            yield JobEvent(job.finished or datetime.now(UTC), "error", job.failure)
        elif job.finished is not None:
            reached = ", ".join(in_words(job.metrics))
            yield JobEvent(job.finished, "info", f"{job.state}" + (f": {reached}" if reached else ""))

    def _keys(self) -> Iterator[str]:
        root = self._places.prefix("").rstrip("/") + "/"
        arguments = {"Bucket": self._bucket_name(), "Prefix": root, "Delimiter": "/"}
        found = _unless_missing(lambda: list(pages(self._s3, "list_objects_v2", "CommonPrefixes", **arguments)))
        for folder in found or ():
            yield folder["Prefix"].removeprefix(root).rstrip("/")

    def _job(self, key: str, machines: _Machines | None) -> TuningJob | None:
        """None for files without a job: an `up` that stopped before it had an instance, or another runtime's."""
        status = self._read(key, _STATUS)
        if status is None and machines is None:
            return None
        status = status or {}
        state, failure = self._state(key, status, machines)
        manifest = (self._read(key, _MANIFEST) or {}) if state is JobState.COMPLETED else {}
        rank = manifest.get("rank")
        return TuningJob(
            identity=identity_of(key),
            attempt=attempt_of(key),
            name=self._places.name(key),
            vendor_id=self._uri(key, ""),
            state=state,
            created=_moment(status.get("started")) or (machines.since if machines else None),
            finished=_moment(status.get("finished")),
            progress=_progress(status, state),
            metrics=_metrics(status),
            failure=failure,
            model_id=self._uri(key, "output/") if state is JobState.COMPLETED and makes_model(key) else None,
            inputs={"key": key} | ({"rank": str(rank)} if rank else {}),
        )

    def _state(self, key: str, status: Mapping[str, Any], machines: _Machines | None) -> tuple[JobState, str | None]:
        written = status.get("state")
        if written == "completed":
            return JobState.COMPLETED, None
        if self._read(key, _CANCELLED) is not None:
            return JobState.CANCELLED, None
        if written == "failed":
            return JobState.FAILED, status.get("failure") or "the launcher gives no reason"
        if machines is not None and machines.works:
            return (JobState.RUNNING if status.get("attempt") else JobState.QUEUED), None
        return JobState.FAILED, _ENDED if status.get("attempt") else _NEVER

    def _machines(self) -> dict[str, _Machines]:
        """By job."""
        found: dict[str, _Machines] = {}
        by_stack = [{"Name": f"tag:{TAG_STACK}", "Values": [self._stack_name]}]
        client = self._session.client("ec2")
        filters = [*by_stack, {"Name": "tag-key", "Values": [TAG_JOB]}]
        for reservation in pages(client, "describe_instances", "Reservations", Filters=filters):
            for instance in reservation["Instances"]:
                machines = found.setdefault(_tag(instance["Tags"], TAG_JOB), _Machines([]))
                machines.since = min(filter(None, (machines.since, instance["LaunchTime"])))
                if instance["State"]["Name"] in _ALIVE:
                    machines.instances.append(instance["InstanceId"])
        groups = self._session.client("autoscaling")
        for group in pages(groups, "describe_auto_scaling_groups", "AutoScalingGroups", Filters=by_stack):
            key = _tag(group.get("Tags") or (), TAG_JOB)
            if key:
                machines = found.setdefault(key, _Machines([]))
                machines.group = group["AutoScalingGroupName"]
                machines.replaces = group["DesiredCapacity"] > 0
                machines.since = min(filter(None, (machines.since, group["CreatedTime"])))
        return found

    def _read(self, key: str, name: str) -> dict[str, Any] | None:
        answer = _unless_missing(
            lambda: self._s3.get_object(Bucket=self._bucket_name(), Key=self._places.prefix(key) + name)
        )
        if answer is None:
            return None
        document: dict[str, Any] = json.loads(answer["Body"].read())
        return document

    def _uri(self, key: str, name: str) -> str:
        return f"s3://{self._bucket_name()}/{self._places.prefix(key)}{name}"

    def _bucket_name(self) -> str:
        if self._bucket is None:
            account = self._session.client("sts").get_caller_identity()["Account"]
            self._bucket = TuningNames(self._stack_name).bucket(account, self._region, infix="artifacts")
        return self._bucket


def _unless_missing(call: Any) -> Any:
    """The answer; None without the object or the bucket."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket", "404"):
            return None
        raise


def _tag(tags: Any, name: str) -> str:
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == name), "")


def _moment(text: str | None) -> datetime | None:
    return None if not text else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _metrics(status: Mapping[str, Any]) -> dict[str, float]:
    """The trainer's, and what a cluster says of itself."""
    own = {name: status[name] for name in ("loss", "tokens_per_second", "nodes") if status.get(name) is not None}
    return {name: float(value) for name, value in ((status.get("metrics") or {}) | own).items()}


def _progress(status: Mapping[str, Any], state: JobState) -> float | None:
    if state is JobState.COMPLETED:
        return 1.0
    total = status.get("total_steps")
    return min(1.0, status.get("step", 0) / total) if total else None
