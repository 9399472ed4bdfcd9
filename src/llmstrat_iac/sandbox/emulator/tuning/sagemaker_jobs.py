"""SageMaker's training jobs, serverless customization above all: created, described, listed, stopped, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from llmstrat_iac.sandbox.emulator.instance_jobs.checks import check_instances
from llmstrat_iac.sandbox.emulator.instance_jobs.start import mishaps_of, start_work
from llmstrat_iac.sandbox.emulator.instance_jobs.telling import billing, secondary, transitions
from llmstrat_iac.sandbox.emulator.lustre.channels import check_channel
from llmstrat_iac.sandbox.emulator.training_plans import use as training_plans
from llmstrat_iac.sandbox.emulator.tuning import sagemaker_packages as packages
from llmstrat_iac.sandbox.emulator.tuning.objects import read_s3, write_s3
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page, refuse
from llmstrat_iac.sandbox.emulator.tuning.roles import assumable
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE, Job, arn, tag_map
from llmstrat_iac.sandbox.emulator.tuning.training_data import PREFERENCE, PROMPT_COMPLETION, defect
from llmstrat_iac.sandbox.jobs import MISHAPS, Course, Phase, losses

_DAY = 86_400
_STEPS = 100
_HUB_PREFIXES = ("meta-", "huggingface-", "amazon-", "deepseek-", "openai-")
_NO_CAPACITY = "InsufficientCapacityError: the training plan's instances are all in use"
"""After two days of waiting, which pass as all times of jobs do here."""
_HALFWAY = "InternalServerError: We encountered an internal error. Please try again."
_FORMS = {"SFT": PROMPT_COMPLETION, "DPO": PREFERENCE}


def create(asked: Arguments) -> Mapping[str, Any]:
    """Check what SageMaker checks at once; defects of the data fail the job later."""
    name = asked["TrainingJobName"]
    quota = "The account-level service limit for concurrent serverless customization jobs is exceeded."
    refuse(STORE.faults.refusal(name), quota="ResourceLimitExceeded", message=quota)
    if name in STORE.jobs:
        raise ApiError("ResourceInUse", f"Training job names must be unique within an AWS account and region: {name}")
    if not assumable(asked["RoleArn"], "sagemaker.amazonaws.com"):
        message = f"Could not assume role {asked['RoleArn']}. Please ensure that it exists and trusts SageMaker."
        raise ApiError("ValidationException", message)
    contents = {channel["ChannelName"]: _content(asked, channel) for channel in asked.get("InputDataConfig") or ()}
    serverless = asked.get("ServerlessJobConfig")
    complaint = _check_serverless(asked, serverless, contents) if serverless else None
    if not serverless:
        check_instances(asked, [job.asked for job in STORE.jobs.values() if not job.serverless and _runs(job)])
    reserved = None if serverless else training_plans.check_job(asked)
    lacking = reserved is not None and training_plans.lacks(reserved, asked)
    kinds = MISHAPS if serverless else mishaps_of(asked)
    mishap = STORE.faults.mishap((name,), contents.get("train", b""), kinds=kinds)
    course = Course(_NO_CAPACITY if lacking else complaint, mishap)
    if reserved is not None and not lacking and not reserved.there():
        course.begun = inf
    job = Job(arn(f"training-job/{name.lower()}"), name, asked, course)
    if not serverless and not lacking:
        start_work(job)
    STORE.jobs[name] = job
    STORE.tags[job.arn] = tag_map(asked.get("Tags"))
    return {"TrainingJobArn": job.arn}


def _content(asked: Arguments, channel: Mapping[str, Any]) -> bytes:
    source = channel["DataSource"].get("FileSystemDataSource")
    if source:
        check_channel(asked, source)
        return b""
    uri = str((channel["DataSource"].get("S3DataSource") or {}).get("S3Uri") or "")
    content = read_s3(uri)
    if content is None:
        raise ApiError("ValidationException", f"No S3 objects found under S3 URL {uri!r} given in input data source.")
    return content


def _check_serverless(asked: Arguments, config: Mapping[str, Any], contents: Mapping[str, bytes]) -> str | None:
    """What is wrong with the training data, after the refusals."""
    for name in ("ResourceConfig", "AlgorithmSpecification"):
        if asked.get(name):
            raise ApiError("ValidationException", f"{name} can't be given together with ServerlessJobConfig.")
    if config["JobType"] == "FineTuning" and not config.get("CustomizationTechnique"):
        raise ApiError("ValidationException", "CustomizationTechnique is required for job type FineTuning.")
    if not asked.get("ModelPackageConfig"):
        raise ApiError("ValidationException", "ModelPackageConfig is required for job type FineTuning.")
    packages.group(asked["ModelPackageConfig"]["ModelPackageGroupArn"])
    if _is_gated(config["BaseModelArn"]) and not config.get("AcceptEula"):
        raise ApiError("ValidationException", "The model's EULA must be accepted: set AcceptEula to true.")
    if "train" not in contents:
        raise ApiError("ValidationException", "Input data channel `train` is required.")
    form = _FORMS.get(config.get("CustomizationTechnique") or "")
    return f"ClientError: {problem}" if form and (problem := defect(contents["train"], form)) else None


def _runs(job: Job) -> bool:
    return not job.course.phase().over


def _is_gated(base_model_arn: str) -> bool:
    return "/meta-" in base_model_arn.lower() or "/llama" in base_model_arn.lower()


def settle() -> None:
    """Register the model packages and artefacts of the jobs that have completed since somebody looked."""
    for job in STORE.jobs.values():
        training_plans.keep_time(job)
        if job.work is not None:
            job.work.advance()
        if job.package is None and job.course.phase() is Phase.COMPLETED:
            config = job.asked.get("ModelPackageConfig")
            job.package = packages.add(config["ModelPackageGroupArn"], job) if config else ""
            if job.serverless:
                _write_model(job)


def _write_model(job: Job) -> None:
    """Serverless customization leaves the merged weights, and the adapter alone beside them."""
    for name in ("hf_merged/config.json", "hf_merged/model.safetensors", "hf/adapter_config.json"):
        write_s3(f"{job.artifact}/checkpoints/{name}", b"{}")


def _job(name: str) -> Job:
    settle()
    found: Job | None = STORE.jobs.get(name)
    if found is None:
        raise ApiError("ValidationException", "Requested resource not found.")
    return found


def describe(asked: Arguments) -> Mapping[str, Any]:
    """A job in full: what was asked, and how far it is."""
    job = _job(asked["TrainingJobName"])
    course, phase = job.course, job.course.phase()
    config = job.asked.get("ServerlessJobConfig")
    kept = {key: value for key, value in job.asked.items() if key not in ("Tags", "TrainingJobName")}
    return {
        "StoppingCondition": {"MaxRuntimeInSeconds": _DAY},
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **kept,
        **_summary(job),
        "SecondaryStatus": secondary(course),
        "SecondaryStatusTransitions": transitions(course),
        "FailureReason": _failure(job) if phase is Phase.FAILED else None,
        "ModelArtifacts": {"S3ModelArtifacts": job.artifact} if phase is Phase.COMPLETED else {},
        "TrainingStartTime": course.training_from if phase not in (Phase.QUEUED, Phase.VALIDATING) else None,
        "FinalMetricDataList": _metrics(job),
        **({} if config else billing(course, spot=bool(job.asked.get("EnableManagedSpotTraining")))),
        "ProgressInfo": _progress(job) if config else None,
        "OutputModelPackageArn": job.package or None,
    }


def _progress(job: Job) -> dict[str, int]:
    epochs = int((job.asked.get("HyperParameters") or {}).get("max_epochs") or 1)
    done = int(job.course.trained() * _STEPS * epochs)
    epoch = min(epochs, done // _STEPS + 1)
    return {
        "TotalStepCountPerEpoch": _STEPS,
        "CurrentStep": min(_STEPS, done - (epoch - 1) * _STEPS),
        "CurrentEpoch": epoch,
        "MaxEpoch": epochs,
    }


def _failure(job: Job) -> str:
    """A program's own reason is what it wrote into its file for that."""
    reason = job.course.complaint
    if job.work is None or reason is None:
        return reason or _HALFWAY
    return f"AlgorithmError: {reason}, exit code: 1"


def _metrics(job: Job) -> list[dict[str, Any]]:
    """By the job's own regexes over its log; serverless customization has its own."""
    if job.work is not None:
        return job.work.log.metrics(job.asked["AlgorithmSpecification"].get("MetricDefinitions") or ())
    steps = losses(job.course.trained(), _STEPS)
    return [{"MetricName": "train_loss", "Value": steps[-1], "Timestamp": job.course.ends}] if steps else []


def _summary(job: Job) -> dict[str, Any]:
    course, phase = job.course, job.course.phase()
    return {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status,
        "CreationTime": job.created,
        "LastModifiedTime": course.ends if phase.over else job.created,
        "TrainingEndTime": course.ends if phase.over else None,
    }


def list_jobs(asked: Arguments) -> Mapping[str, Any]:
    """The newest first, unless asked otherwise."""
    settle()
    named, status = asked.get("NameContains") or "", asked.get("StatusEquals")
    jobs = [job for job in STORE.jobs.values() if named in job.name and status in (None, job.status)]
    jobs.sort(key=lambda job: job.created, reverse=asked.get("SortOrder") != "Ascending")
    shown, token = page(jobs, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    summaries = [{key: value for key, value in _summary(job).items() if value is not None} for job in shown]
    return {"TrainingJobSummaries": summaries, "NextToken": token}


def stop(asked: Arguments) -> Mapping[str, Any]:
    """Stop a job in progress."""
    job = _job(asked["TrainingJobName"])
    if not job.course.stop():
        raise ApiError("ValidationException", f"The request was rejected because the training job is {job.status}.")
    return {}


def delete(asked: Arguments) -> Mapping[str, Any]:
    """Delete a job that is over; its model package and files stay."""
    job = _job(asked["TrainingJobName"])
    if not job.course.phase().over:
        raise ApiError("ResourceInUse", f"The training job is {job.status}: stop it first.")
    del STORE.jobs[job.name]
    STORE.tags.pop(job.arn, None)
    return {}


def tag(asked: Arguments) -> Mapping[str, Any]:
    """Set tags."""
    STORE.tagged(asked["ResourceArn"]).update(tag_map(asked["Tags"]))
    return list_tags(asked)


def untag(asked: Arguments) -> Mapping[str, Any]:
    """Remove tags."""
    tags = STORE.tagged(asked["ResourceArn"])
    for key in asked["TagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags(asked: Arguments) -> Mapping[str, Any]:
    """The tags of a job, package or group."""
    tags = STORE.tagged(asked["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def describe_hub_content(asked: Arguments) -> Mapping[str, Any]:
    """A model of AWS's public hub; the sandbox's hub has all that looks like one of its names."""
    hub, kind, name = asked["HubName"], asked["HubContentType"], asked["HubContentName"]
    if hub != "SageMakerPublicHub" or kind != "Model" or not name.startswith(_HUB_PREFIXES):
        raise ApiError("ResourceNotFound", f"{kind} {name} doesn't exist in the hub {hub}.")
    return {
        "HubContentName": name,
        "HubContentArn": f"arn:aws:sagemaker:us-east-1:aws:hub-content/{hub}/{kind}/{name}/1.0.0",
        "HubContentVersion": "1.0.0",
        "HubContentType": kind,
        "DocumentSchemaVersion": "2.3.0",
        "HubName": hub,
        "HubArn": f"arn:aws:sagemaker:us-east-1:aws:hub/{hub}",
        "HubContentDocument": "{}",
        "HubContentStatus": "Available",
        "CreationTime": 0,
    }


HANDLERS: Mapping[str, Handler] = {
    "DescribeHubContent": describe_hub_content,
    "CreateTrainingJob": create,
    "DescribeTrainingJob": describe,
    "ListTrainingJobs": list_jobs,
    "StopTrainingJob": stop,
    "DeleteTrainingJob": delete,
    "AddTags": tag,
    "DeleteTags": untag,
    "ListTags": list_tags,
}
