"""Bedrock: base models that can be tuned, customization jobs over time, and the custom models that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.tuning.bases import bases_in, find_base
from llmstrat_iac.sandbox.emulator.tuning.bedrock_store import STORE, Job, Model, account, arn, new_id, region, tag_map
from llmstrat_iac.sandbox.emulator.tuning.objects import read_s3
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, PassOnError, page, refuse
from llmstrat_iac.sandbox.emulator.tuning.roles import assumable
from llmstrat_iac.sandbox.emulator.tuning.training_data import defect
from llmstrat_iac.sandbox.jobs import Course, Phase

_HALFWAY = "The training job failed because of an internal error. Contact AWS Support if it persists."
_DETAILS = {Phase.QUEUED: 0, Phase.VALIDATING: 0, Phase.TRAINING: 1, Phase.COMPLETED: 2}


def list_foundation_models(asked: Arguments) -> Mapping[str, Any]:
    """Only with `byCustomizationType`: the catalogue of models to call is upstream's."""
    wanted = asked.get("byCustomizationType")
    if not wanted:
        raise PassOnError
    provider = str(asked.get("byProvider") or "").lower()
    found = bases_in(region()) if wanted == "FINE_TUNING" else ()
    return {
        "modelSummaries": [
            base.summary(region()) for base in found if not provider or base.provider.lower() == provider
        ]
    }


def get_foundation_model(asked: Arguments) -> Mapping[str, Any]:
    """A tunable model's details."""
    base = find_base(asked["modelIdentifier"], region())
    if base is None:
        raise PassOnError
    return {"modelDetails": base.summary(region())}


def create_job(asked: Arguments) -> Mapping[str, Any]:
    """Check what Bedrock checks at once; defects of the data fail the job later."""
    refusal = STORE.faults.refusal(asked["jobName"], asked["customModelName"])
    refuse(refusal, quota="ServiceQuotaExceededException", message="You have exceeded the quota of jobs in progress.")
    STORE.settle()
    again = next((job for job in STORE.jobs.values() if _same_request(job, asked)), None)
    if again is not None:
        return {"jobArn": again.arn}
    base = find_base(asked["baseModelIdentifier"], region())
    if base is None:
        raise ApiError("ValidationException", "The provided model identifier is invalid.")
    _check_names(asked)
    if not assumable(asked["roleArn"], "bedrock.amazonaws.com"):
        message = "Could not assume provided IAM role. Please provide a role with the appropriate trust policy."
        raise ApiError("ValidationException", message)
    content = _readable(asked["trainingDataConfig"].get("s3Uri"))
    for validator in (asked.get("validationDataConfig") or {}).get("validators") or ():
        _readable(validator["s3Uri"])
    names = (asked["jobName"], asked["customModelName"])
    course = Course(defect(content, base.format), STORE.faults.mishap(names, content))
    identifier = new_id()
    job = Job(arn(f"model-customization-job/{base.id}/{identifier}"), base, asked, course, new_id())
    STORE.jobs[job.arn] = job
    STORE.tags[job.arn] = tag_map(asked.get("jobTags"))
    return {"jobArn": job.arn}


def _same_request(job: Job, asked: Arguments) -> bool:
    token = asked.get("clientRequestToken")
    return bool(token) and job.asked.get("clientRequestToken") == token


def _check_names(asked: Arguments) -> None:
    if any(job.name == asked["jobName"] for job in STORE.jobs.values()):
        raise ApiError("ValidationException", "The provided job name is currently in use.")
    models = {model.name for model in STORE.models.values()}
    running = {job.asked["customModelName"] for job in STORE.jobs.values() if not job.course.phase().over}
    if asked["customModelName"] in models | running:
        raise ApiError("ValidationException", "The provided custom model name is currently in use.")


def _readable(uri: str | None) -> bytes:
    content = read_s3(uri or "")
    if content is None:
        raise ApiError("ValidationException", f"Could not access the S3 object at {uri}. Check the URI and the role.")
    return content


def get_job(asked: Arguments) -> Mapping[str, Any]:
    """A job in full."""
    STORE.settle()
    job = STORE.job(asked["jobIdentifier"])
    course, phase = job.course, job.course.phase()
    done = phase is Phase.COMPLETED
    failure = (course.complaint or _HALFWAY) if phase is Phase.FAILED else None
    return {
        **_summary(job),
        "outputModelName": job.asked["customModelName"],
        "outputModelArn": job.model_arn if done else None,
        "clientRequestToken": job.asked.get("clientRequestToken"),
        "roleArn": job.asked["roleArn"],
        "failureMessage": failure,
        "hyperParameters": job.asked.get("hyperParameters") or {},
        "trainingDataConfig": job.asked["trainingDataConfig"],
        "validationDataConfig": job.asked.get("validationDataConfig") or {"validators": []},
        "outputDataConfig": job.asked["outputDataConfig"],
        "outputModelKmsKeyArn": job.asked.get("customModelKmsKeyId"),
        "vpcConfig": job.asked.get("vpcConfig"),
        **(job.metrics if done else {}),
        "customModelArn": None,
        "customModelName": None,
    }


def _summary(job: Job) -> dict[str, Any]:
    course, phase = job.course, job.course.phase()
    modified = course.validated if phase is Phase.TRAINING else course.begun
    return {
        "jobArn": job.arn,
        "jobName": job.name,
        "status": job.status,
        "statusDetails": _details(job),
        "baseModelArn": job.base.arn(region()),
        "customizationType": job.asked.get("customizationType") or "FINE_TUNING",
        "creationTime": course.begun,
        "lastModifiedTime": course.ends if phase.over else modified,
        "endTime": course.ends if phase.over else None,
        "customModelArn": job.model_arn if phase is Phase.COMPLETED else None,
        "customModelName": job.asked["customModelName"],
    }


def _details(job: Job) -> dict[str, Any]:
    """Which of its parts are done, as Bedrock tells progress."""
    course, phase = job.course, job.course.phase()
    done = _DETAILS.get(phase, 1 if course.training_from is not None else 0)
    words = {Phase.FAILED: "Failed", Phase.STOPPED: "Stopped", Phase.STOPPING: "Stopping"}
    current = words.get(phase, "InProgress")
    states = ["Completed"] * done + [current] + ["NotStarted"] * 2
    begun = (course.begun, course.validated)
    times = [{"creationTime": start, "lastModifiedTime": start} for start in begun]
    return {
        "validationDetails": {"status": states[0], **times[0]},
        "dataProcessingDetails": {"status": states[0], **times[0]},
        "trainingDetails": {"status": states[1], **(times[1] if done else {})},
    }


def list_jobs(asked: Arguments) -> Mapping[str, Any]:
    """The newest first, unless asked otherwise."""
    STORE.settle()
    named, status = asked.get("nameContains") or "", asked.get("statusEquals")
    jobs = [job for job in STORE.jobs.values() if named in job.name and status in (None, job.status)]
    jobs.sort(key=lambda job: job.course.begun, reverse=asked.get("sortOrder") != "Ascending")
    shown, token = page(jobs, asked, size="maxResults", token="nextToken")  # noqa: S106 - a field's name
    return {"modelCustomizationJobSummaries": [_summary(job) for job in shown], "nextToken": token}


def stop_job(asked: Arguments) -> Mapping[str, Any]:
    """Stop a job in progress; any other is a conflict."""
    job = STORE.job(asked["jobIdentifier"])
    if not job.course.stop():
        raise ApiError("ConflictException", f"The job can't be stopped because its status is {job.status}.", 409)
    return {}


def get_model(asked: Arguments) -> Mapping[str, Any]:
    """A custom model in full; one that isn't ours may be upstream's."""
    model = _ours(asked["modelIdentifier"])
    kept = ("trainingDataConfig", "validationDataConfig", "outputDataConfig", "hyperParameters")
    return {
        "modelArn": model.arn,
        "modelName": model.name,
        "jobName": model.job.name,
        "jobArn": model.job.arn,
        "baseModelArn": model.job.base.arn(region()),
        "customizationType": model.job.asked.get("customizationType") or "FINE_TUNING",
        "modelKmsKeyArn": model.job.asked.get("customModelKmsKeyId"),
        "creationTime": model.created,
        "modelStatus": "Active",
        **{name: model.job.asked.get(name) for name in kept},
        **model.job.metrics,
    }


def _ours(identifier: str) -> Model:
    try:
        return STORE.model(identifier)
    except ApiError as error:
        raise PassOnError from error


def list_models(asked: Arguments) -> Mapping[str, Any]:
    """The newest first, unless asked otherwise."""
    STORE.settle()
    named, base = asked.get("nameContains") or "", asked.get("baseModelArnEquals")
    models = [
        model for model in STORE.models.values() if named in model.name and base in (None, model.job.base.arn(region()))
    ]
    models.sort(key=lambda model: model.created, reverse=asked.get("sortOrder") != "Ascending")
    shown, token = page(models, asked, size="maxResults", token="nextToken")  # noqa: S106 - a field's name
    return {"modelSummaries": [_model_summary(model) for model in shown], "nextToken": token}


def _model_summary(model: Model) -> dict[str, Any]:
    return {
        "modelArn": model.arn,
        "modelName": model.name,
        "creationTime": model.created,
        "baseModelArn": model.job.base.arn(region()),
        "baseModelName": model.job.base.name,
        "customizationType": model.job.asked.get("customizationType") or "FINE_TUNING",
        "ownerAccountId": account(),
        "modelStatus": "Active",
    }


def delete_model(asked: Arguments) -> Mapping[str, Any]:
    """Refused while something serves it."""
    model = _ours(asked["modelIdentifier"])
    user = next(STORE.users(model.arn), None)
    if user is not None:
        message = f"The model can't be deleted because it is in use by {user.arn}."
        raise ApiError("ConflictException", message, 409)
    del STORE.models[model.arn]
    STORE.tags.pop(model.arn, None)
    return {}


BASE_HANDLERS: Mapping[str, Handler] = {
    "ListFoundationModels": list_foundation_models,
    "GetFoundationModel": get_foundation_model,
}
JOB_HANDLERS: Mapping[str, Handler] = {
    "CreateModelCustomizationJob": create_job,
    "GetModelCustomizationJob": get_job,
    "ListModelCustomizationJobs": list_jobs,
    "StopModelCustomizationJob": stop_job,
    "GetCustomModel": get_model,
    "ListCustomModels": list_models,
    "DeleteCustomModel": delete_model,
}
