"""Bedrock's Custom Model Import: weights in S3 become a model that is called by its ARN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import AccountRegionScopedDict

from llmstrat_iac.sandbox.emulator.tuning.bedrock_store import STORE, arn, new_id, tag_map
from llmstrat_iac.sandbox.emulator.tuning.objects import read_s3
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page, refuse
from llmstrat_iac.sandbox.emulator.tuning.roles import assumable
from llmstrat_iac.sandbox.jobs import Course, Phase, job_seconds

# An import takes a tenth of a tuning job's time.
_SHARE = 0.1
_STATUSES = {Phase.COMPLETED: "Completed", Phase.FAILED: "Failed"}


@dataclass
class Import:
    """An import job; its model turns up when it completes."""

    arn: str
    name: str
    model_arn: str
    asked: Arguments
    course: Course
    made: bool = False
    deleted: bool = False

    @property
    def status(self) -> str:
        """Its status."""
        return _STATUSES.get(self.course.phase(), "InProgress")

    @property
    def source(self) -> str:
        """The S3 prefix of the weights."""
        return str(self.asked["modelDataSource"]["s3DataSource"]["s3Uri"])


IMPORTS = AccountRegionScopedDict()


def create_job(asked: Arguments) -> Mapping[str, Any]:
    """The weights must be in Hugging Face's format, which a `config.json` tells."""
    name = asked["jobName"]
    quota = "You have exceeded the quota of imported models."
    refuse(STORE.faults.refusal(name), quota="ServiceQuotaExceededException", message=quota)
    if any(job.name == name for job in IMPORTS.values()):
        raise ApiError("ConflictException", f"The job name {name} is in use.", 409)
    if not assumable(asked["roleArn"], "bedrock.amazonaws.com"):
        raise ApiError("ValidationException", f"Bedrock can't assume the role {asked['roleArn']}.")
    made = Import(arn(f"model-import-job/{new_id()}"), name, arn(f"imported-model/{new_id()}"), asked, _course(asked))
    IMPORTS[made.arn] = made
    STORE.tags[made.arn] = tag_map(asked.get("jobTags"))
    return {"jobArn": made.arn}


def _course(asked: Arguments) -> Course:
    source = str((asked["modelDataSource"].get("s3DataSource") or {}).get("s3Uri") or "").rstrip("/")
    lacks = None if read_s3(f"{source}/config.json") else f"config.json wasn't found below {source}/"
    return Course(lacks, STORE.faults.mishap((asked["jobName"],)), seconds=job_seconds() * _SHARE)


def _settle() -> None:
    for job in IMPORTS.values():
        if not job.made and job.course.phase() is Phase.COMPLETED:
            job.made = True
            STORE.tags[job.model_arn] = tag_map(job.asked.get("importedModelTags"))


def _job(identifier: str) -> Import:
    _settle()
    for job in IMPORTS.values():
        if identifier in (job.arn, job.name):
            return job  # type: ignore[no-any-return]
    raise ApiError("ResourceNotFoundException", "The provided job identifier is not found.", 404)


def _summary(job: Import) -> dict[str, Any]:
    done = job.status == "Completed"
    return {
        "jobArn": job.arn,
        "jobName": job.name,
        "status": job.status,
        "creationTime": job.course.begun,
        "endTime": job.course.ends if job.course.phase().over else None,
        "importedModelName": job.asked["importedModelName"],
        "importedModelArn": job.model_arn if done else None,
    }


def get_job(asked: Arguments) -> Mapping[str, Any]:
    """A job in full."""
    job = _job(asked["jobIdentifier"])
    failure = job.course.complaint if job.status == "Failed" else None
    return {
        **_summary(job),
        "roleArn": job.asked["roleArn"],
        "modelDataSource": job.asked["modelDataSource"],
        "failureMessage": failure,
    }


def list_jobs(asked: Arguments) -> Mapping[str, Any]:
    """The newest first."""
    _settle()
    named, status = asked.get("nameContains") or "", asked.get("statusEquals")
    found = [job for job in IMPORTS.values() if named in job.name and status in (None, job.status)]
    found.sort(key=lambda job: job.course.begun, reverse=True)
    shown, token = page(found, asked, size="maxResults", token="nextToken")  # noqa: S106 - a field's name
    return {"modelImportJobSummaries": [_summary(job) for job in shown], "nextToken": token}


def _models() -> list[Import]:
    _settle()
    return [job for job in IMPORTS.values() if job.made and not job.deleted]


def _model(identifier: str) -> Import:
    for job in _models():
        if identifier in (job.model_arn, job.asked["importedModelName"]):
            return job
    raise ApiError("ResourceNotFoundException", "The provided model identifier is not found.", 404)


def _model_summary(job: Import) -> dict[str, Any]:
    return {
        "modelArn": job.model_arn,
        "modelName": job.asked["importedModelName"],
        "creationTime": job.course.ends,
        "instructSupported": True,
        "modelArchitecture": "llama",
    }


def get_model(asked: Arguments) -> Mapping[str, Any]:
    """A model in full."""
    job = _model(asked["modelIdentifier"])
    return {
        **_model_summary(job),
        "jobName": job.name,
        "jobArn": job.arn,
        "modelDataSource": job.asked["modelDataSource"],
    }


def list_models(asked: Arguments) -> Mapping[str, Any]:
    """Those that are there."""
    named = asked.get("nameContains") or ""
    found = [job for job in _models() if named in job.asked["importedModelName"]]
    shown, token = page(found, asked, size="maxResults", token="nextToken")  # noqa: S106 - a field's name
    return {"modelSummaries": [_model_summary(job) for job in shown], "nextToken": token}


def delete_model(asked: Arguments) -> Mapping[str, Any]:
    """At once; the job stays as history."""
    job = _model(asked["modelIdentifier"])
    job.deleted = True
    STORE.tags.pop(job.model_arn, None)
    return {}


IMPORT_HANDLERS: Mapping[str, Handler] = {
    "CreateModelImportJob": create_job,
    "GetModelImportJob": get_job,
    "ListModelImportJobs": list_jobs,
    "GetImportedModel": get_model,
    "ListImportedModels": list_models,
    "DeleteImportedModel": delete_model,
}
