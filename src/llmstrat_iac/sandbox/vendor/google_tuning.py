"""Google's tuning jobs, with the models and endpoints that they make; kept in memory.

Without `exportLastCheckpointOnly` every epoch's checkpoint gets an endpoint of its own, as Google does it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from llmstrat_iac.sandbox.jobs import Course, Faults, Phase
from llmstrat_iac.sandbox.vendor.google_access import GoogleError
from llmstrat_iac.sandbox.vendor.google_examples import characters, defect
from llmstrat_iac.sandbox.vendor.google_storage import GoogleStorage

BASES = (
    "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3.1-flash-lite", "gemini-3.5-flash",
    "gemini-3.5-flash-lite",
)  # fmt: skip
_SPECS = ("supervisedTuningSpec", "preferenceOptimizationSpec")
_STATES = {
    Phase.QUEUED: "QUEUED", Phase.VALIDATING: "PENDING", Phase.TRAINING: "RUNNING", Phase.COMPLETED: "SUCCEEDED",
    Phase.FAILED: "FAILED", Phase.STOPPING: "CANCELLING", Phase.STOPPED: "CANCELLED",
}  # fmt: skip
_HALFWAY = "Internal error occurred. Please retry later."
_CHARACTERS_PER_TOKEN = 4
_TERM = re.compile(r'(?:labels\.)?([\w-]+)\s*[=:]\s*"?([^"\s]+)"?')


@dataclass
class Made:
    """A model or an endpoint; an endpoint serves `model` as long as that is deployed."""

    name: str
    display_name: str
    labels: Mapping[str, str]
    created: float
    model: str | None = None


@dataclass
class Job:
    """A tuning job."""

    name: str
    asked: Mapping[str, Any]
    kind: str
    content: bytes
    course: Course
    model: Made | None = None
    endpoints: list[Made] = field(default_factory=list)

    @property
    def spec(self) -> Mapping[str, Any]:
        return dict(self.asked[self.kind])

    @property
    def epochs(self) -> int:
        return int((self.spec.get("hyperParameters") or {}).get("epochCount") or 3)

    @property
    def display_name(self) -> str:
        return str(self.asked.get("tunedModelDisplayName") or self.name.rpartition("/")[2])

    def shown(self) -> dict[str, Any]:
        """As the API has it."""
        course, phase = self.course, self.course.phase()
        result: dict[str, Any] = {
            **self.asked,
            "name": self.name,
            "tunedModelDisplayName": self.display_name,
            "state": f"JOB_STATE_{_STATES[phase]}",
            "createTime": rfc3339(course.begun),
            "updateTime": rfc3339(course.ends if phase.over else course.begun),
        }
        if phase not in (Phase.QUEUED, Phase.VALIDATING) and course.training_from is not None:
            result["startTime"] = rfc3339(course.training_from)
        if phase.over:
            result["endTime"] = rfc3339(course.ends)
        if phase is Phase.FAILED:
            data = course.complaint is not None
            result["error"] = {"code": 3 if data else 13, "message": course.complaint or _HALFWAY}
        if phase is Phase.COMPLETED and self.model is not None and self.endpoints:
            result["tunedModel"] = self._tuned_model(self.model)
            result["tuningDataStats"] = self._stats()
        return result

    def _tuned_model(self, model: Made) -> dict[str, Any]:
        points = [
            {"checkpointId": str(number), "epoch": str(number), "step": str(number * 10), "endpoint": endpoint.name}
            for number, endpoint in enumerate(self.endpoints, 1)
        ]
        return {"model": f"{model.name}@1", "endpoint": self.endpoints[-1].name, "checkpoints": points}

    def _stats(self) -> dict[str, Any]:
        count = characters(self.content)
        examples = len([line for line in self.content.splitlines() if line.strip()])
        figures = {
            "tuningDatasetExampleCount": str(examples),
            "totalTuningCharacterCount": str(count),
            "totalBillableTokenCount": str(count // _CHARACTERS_PER_TOKEN * self.epochs),
            "tuningStepCount": str(self.epochs * 10),
        }
        kinds = {"supervisedTuningSpec": "supervisedTuningDataStats"}
        return {kinds.get(self.kind, "preferenceOptimizationDataStats"): figures}


class GoogleTuning:
    """Jobs, models and endpoints of all projects, by resource name."""

    def __init__(self, storage: GoogleStorage) -> None:
        self._storage = storage
        self._faults = Faults()
        self.jobs: dict[str, Job] = {}
        self.models: dict[str, Made] = {}
        self.endpoints: dict[str, Made] = {}

    def create(self, parent: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A job, checked as far as Google checks at once; defects of the data fail it later."""
        names = (asked.get("tunedModelDisplayName"), *dict(asked.get("labels") or {}).values())
        _refuse(self._faults.refusal(*names))
        kind = next((name for name in _SPECS if asked.get(name)), None)
        if kind is None:
            raise GoogleError(400, "One of supervisedTuningSpec and preferenceOptimizationSpec is required.")
        if asked.get("baseModel") not in BASES and not asked.get("preTunedModel"):
            raise GoogleError(400, f"Base model {asked.get('baseModel')} is not supported.")
        content = self._content(asked[kind].get("trainingDatasetUri"))
        if asked[kind].get("validationDatasetUri"):
            self._content(asked[kind]["validationDatasetUri"])
        complaint = defect(content, preference=kind == "preferenceOptimizationSpec")
        course = Course(complaint, self._faults.mishap(names, content))
        job = Job(f"{parent}/tuningJobs/{new_number()}", asked, kind, content, course)
        self.jobs[job.name] = job
        return job.shown()

    def _content(self, uri: str | None) -> bytes:
        content = self._storage.read(uri or "")
        if content is None:
            raise GoogleError(400, f"Failed to read the dataset {uri}: no such object.")
        return content

    def job(self, name: str) -> Job:
        """A job by its name."""
        self.settle()
        job: Job = found(self.jobs, name)
        return job

    def cancel(self, name: str) -> None:
        """Cancel a job; one that is over stays as it is."""
        self.job(name).course.stop()

    def settle(self) -> None:
        """Make the models and endpoints of jobs that have succeeded since somebody looked."""
        for job in self.jobs.values():
            if job.model is None and job.course.phase() is Phase.COMPLETED:
                self._make(job)

    def _make(self, job: Job) -> None:
        parent, labels = job.name.partition("/tuningJobs/")[0], dict(job.asked.get("labels") or {})
        at = job.course.ends
        job.model = Made(f"{parent}/models/{new_number()}", job.display_name, labels, at)
        self.models[job.model.name] = job.model
        count = 1 if job.spec.get("exportLastCheckpointOnly") else job.epochs
        for _ in range(count):
            endpoint = Made(f"{parent}/endpoints/{new_number()}", job.display_name, labels, at, job.model.name)
            self.endpoints[endpoint.name] = endpoint
            job.endpoints.append(endpoint)

    def undeploy(self, name: str) -> None:
        """Take the model from an endpoint."""
        found(self.endpoints, name).model = None

    def delete_endpoint(self, name: str, *, force: bool) -> None:
        """Refused while a model is deployed to it, unless forced."""
        if found(self.endpoints, name).model is not None and not force:
            message = f"Endpoint {name} is not empty. Please undeploy all Models before deleting it."
            raise GoogleError(400, message, "FAILED_PRECONDITION")
        del self.endpoints[name]

    def delete_model(self, name: str) -> None:
        """Refused while an endpoint serves it; any version's name means the model."""
        name = name.partition("@")[0]
        found(self.models, name)
        user = next((endpoint.name for endpoint in self.endpoints.values() if endpoint.model == name), None)
        if user is not None:
            message = f"Model {name} is deployed to {user}. Please undeploy it first."
            raise GoogleError(400, message, "FAILED_PRECONDITION")
        del self.models[name]

    def serves(self, endpoint: str) -> bool:
        """Whether an endpoint is there with a model on it."""
        self.settle()
        return endpoint in self.endpoints and self.endpoints[endpoint].model is not None


def found(store: Mapping[str, Any], name: str) -> Any:
    """One of a store, or Google's 404."""
    if name not in store:
        raise GoogleError(404, f"{name} is not found.")
    return store[name]


def chosen(display_name: str, labels: Mapping[str, str], terms: str) -> bool:
    """Whether something passes a list's `filter`: `labels.a=b`, `display_name="x"`, joined by AND."""
    known = {**labels, "display_name": display_name, "displayName": display_name, "tunedModelDisplayName": display_name}
    return all(known.get(key) == value for key, value in _TERM.findall(terms))


def rfc3339(moment: float) -> str:
    """A time in Google's format."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_number() -> str:
    """A resource id as Google gives them out: many digits."""
    return str(uuid4().int)[:19]


def _refuse(kind: str | None) -> None:
    if kind == "quota":
        message = "Quota exceeded for quota metric 'Concurrent Generative AI tuning jobs'."
        raise GoogleError(429, message)
    if kind == "429":
        raise GoogleError(429, "Resource has been exhausted (e.g. check quota).")
    if kind == "500":
        raise GoogleError(500, "Internal error encountered.")
