"""OpenAI's fine-tuning jobs and the models that they make: states over time, events, checkpoints; kept in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from llmstrat_iac.sandbox.jobs import Course, Faults, Phase, losses
from llmstrat_iac.sandbox.vendor import openai_examples
from llmstrat_iac.sandbox.vendor.generator import Generator
from llmstrat_iac.sandbox.vendor.openai_files import File, Files, cursor_page
from llmstrat_iac.sandbox.vendor.wire import BadRequestError, answer_json, read_json, required

BASES = (
    "gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "gpt-4.1-nano-2025-04-14", "gpt-4o-2024-08-06",
    "gpt-4o-mini-2024-07-18",
)  # fmt: skip
_ORGANISATION = "sandbox"
_STEPS = 20
_CHECKPOINTS = 3
_LONGEST_SUFFIX = 64
_MOST_METADATA = 16
_METHODS = ("supervised", "dpo", "reinforcement")
_STATES = {
    Phase.QUEUED: "validating_files", Phase.VALIDATING: "queued", Phase.TRAINING: "running",
    Phase.COMPLETED: "succeeded", Phase.FAILED: "failed", Phase.STOPPING: "cancelled", Phase.STOPPED: "cancelled",
}  # fmt: skip
_HALFWAY = "The job failed due to an internal error."


@dataclass
class Job:
    """One job; `files` are its results once there are any."""

    asked: Mapping[str, Any]
    training: File
    course: Course
    tokens: int
    id: str = field(default_factory=lambda: f"ftjob-{uuid4().hex[:24]}")
    tag: str = field(default_factory=lambda: uuid4().hex[:8])
    files: list[str] = field(default_factory=list)
    deleted: bool = False

    @property
    def method(self) -> str:
        return str((self.asked.get("method") or {}).get("type") or "supervised")

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """With OpenAI's choice for `auto` once the data has been seen."""
        own = (self.asked.get("method") or {}).get(self.method) or {}
        given = own.get("hyperparameters") or self.asked.get("hyperparameters") or {}
        chosen = {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 2.0}
        seen = self.course.phase() not in (Phase.QUEUED, Phase.VALIDATING)
        auto = {name: value if seen else "auto" for name, value in chosen.items()}
        return auto | {name: value for name, value in given.items() if value not in (None, "auto")}

    @property
    def epochs(self) -> int:
        epochs = self.hyperparameters["n_epochs"]
        return epochs if isinstance(epochs, int) else 3

    @property
    def model(self) -> str:
        """The name of the model that it makes."""
        return f"ft:{self.asked['model']}:{_ORGANISATION}:{self.asked.get('suffix') or ''}:{self.tag}"

    @property
    def state(self) -> str:
        phase = self.course.phase()
        failing = self.course.complaint is not None and phase is Phase.VALIDATING
        return "validating_files" if failing else _STATES[phase]

    def error(self) -> dict[str, Any] | None:
        """Why it failed."""
        if self.course.phase() is not Phase.FAILED:
            return None
        if self.course.complaint is None:
            return {"code": "internal_error", "message": _HALFWAY, "param": None}
        return {"code": "invalid_training_file", "message": self.course.complaint, "param": "training_file"}

    def shown(self) -> dict[str, Any]:
        """As the API has it."""
        course, phase = self.course, self.course.phase()
        done = phase is Phase.COMPLETED
        return {
            "id": self.id,
            "object": "fine_tuning.job",
            "created_at": int(course.begun),
            "finished_at": int(course.ends) if phase.over else None,
            "model": self.asked["model"],
            "fine_tuned_model": self.model if done else None,
            "organization_id": f"org-{_ORGANISATION}",
            "status": self.state,
            "error": self.error(),
            "hyperparameters": self.hyperparameters,
            "method": {"type": self.method, self.method: {"hyperparameters": self.hyperparameters}},
            "training_file": self.training.id,
            "validation_file": self.asked.get("validation_file"),
            "result_files": self.files,
            "trained_tokens": self.tokens * self.epochs if done else None,
            "estimated_finish": int(course.ends) if phase is Phase.TRAINING else None,
            "seed": self.asked.get("seed") or 42,
            "metadata": self.asked.get("metadata"),
            "user_provided_suffix": self.asked.get("suffix"),
            "integrations": [],
        }

    def events(self) -> list[dict[str, Any]]:
        """Its log, the newest first."""
        course, phase = self.course, self.course.phase()
        lines: list[tuple[float, str, str, dict[str, Any] | None]] = [
            (course.begun, "info", f"Created fine-tuning job: {self.id}", None),
            (course.begun, "info", f"Validating training file: {self.training.id}", None),
        ]
        if course.training_from is not None and phase not in (Phase.QUEUED, Phase.VALIDATING):
            lines.append((course.training_from, "info", "Fine-tuning job started", None))
        for step, loss in enumerate(losses(course.trained(), _STEPS), 1):
            at = course.validated + (course.ends - course.validated) * step / _STEPS
            figures = {"step": step, "total_steps": _STEPS, "train_loss": loss}
            lines.append((at, "info", f"Step {step}/{_STEPS}: training loss={loss}", figures))
        if phase is Phase.COMPLETED:
            lines.append((course.ends, "info", f"New fine-tuned model created: {self.model}", None))
            lines.append((course.ends, "info", "The job has successfully completed", None))
        elif phase is Phase.FAILED:
            lines.append((course.ends, "error", (self.error() or {})["message"], None))
        elif phase in (Phase.STOPPING, Phase.STOPPED):
            lines.append((course.stopped or course.ends, "info", "The job was cancelled", None))
        return [self._event(number, *line) for number, line in enumerate(lines)][::-1]

    def _event(self, number: int, at: float, level: str, text: str, figures: Any) -> dict[str, Any]:
        return {
            "object": "fine_tuning.job.event",
            "id": f"ftevent-{self.tag}{number:04d}",
            "created_at": int(at),
            "level": level,
            "message": text,
            "type": "metrics" if figures else "message",
            "data": figures or {},
        }

    def checkpoints(self) -> list[dict[str, Any]]:
        """The last steps of each epoch, the newest first, once the job has succeeded."""
        if self.course.phase() is not Phase.COMPLETED:
            return []
        curve = losses(1.0, _STEPS)
        steps = [_STEPS * number // _CHECKPOINTS for number in range(1, _CHECKPOINTS + 1)]
        return [self._checkpoint(step, curve[step - 1]) for step in reversed(steps)]

    def _checkpoint(self, step: int, loss: float) -> dict[str, Any]:
        suffix = "" if step == _STEPS else f":ckpt-step-{step}"
        return {
            "object": "fine_tuning.job.checkpoint",
            "id": f"ftckpt_{self.tag}{step:04d}",
            "created_at": int(self.course.ends),
            "fine_tuning_job_id": self.id,
            "fine_tuned_model_checkpoint": f"{self.model}{suffix}",
            "step_number": step,
            "metrics": {"step": step, "train_loss": loss},
        }


class FineTuning:
    """All jobs of the one organisation, and the models that they have made."""

    def __init__(self, files: Files, generator: Generator) -> None:
        self._files = files
        self._generator = generator
        self._jobs: dict[str, Job] = {}
        self._faults = Faults()

    def models(self) -> list[str]:
        """The names of all tuned models."""
        return [job.model for job in self._jobs.values() if job.course.phase() is Phase.COMPLETED and not job.deleted]

    def serves(self, model: str) -> bool:
        """Whether a tuned model, or a checkpoint of it, can be called."""
        return model.partition(":ckpt-step-")[0] in self.models()

    def delete_model(self, model: str) -> bool:
        """Delete a tuned model; False if there is none of that name."""
        found = next((job for job in self._jobs.values() if job.model == model and self.serves(model)), None)
        if found is not None:
            found.deleted = True
        return found is not None

    async def create(self, request: Request) -> Response:
        """POST /fine_tuning/jobs."""
        asked = await read_json(request)
        model = required(asked, "model", str)
        training = self._files.get(required(asked, "training_file", str), parameter="training_file")
        metadata = asked.get("metadata") or {}
        names = (asked.get("suffix"), *(str(value) for value in metadata.values()))
        _refuse(self._faults.refusal(*names))
        _check(asked, model, self.models())
        if asked.get("validation_file"):
            self._files.get(asked["validation_file"], parameter="validation_file")
        method = (asked.get("method") or {}).get("type") or "supervised"
        complaint = openai_examples.defect(training.content, method) if method in ("supervised", "dpo") else None
        course = Course(complaint, self._faults.mishap(names, training.content))
        job = Job(asked, training, course, self._generator.count(openai_examples.texts(training.content)))
        self._jobs[job.id] = job
        return answer_json(job.shown())

    def list(self, query: Mapping[str, str]) -> Response:
        """GET /fine_tuning/jobs, the newest first; `metadata[key]=value` chooses."""
        self._settle()
        wanted = {name[len("metadata[") : -1]: text for name, text in query.items() if name.startswith("metadata[")}
        found = [
            job.shown()
            for job in reversed(self._jobs.values())
            if wanted.items() <= dict(job.asked.get("metadata") or {}).items()
        ]
        return answer_json(cursor_page(found, query))

    def retrieve(self, identifier: str) -> Response:
        """GET /fine_tuning/jobs/{id}."""
        return answer_json(self._job(identifier).shown())

    def cancel(self, identifier: str) -> Response:
        """POST /fine_tuning/jobs/{id}/cancel."""
        job = self._job(identifier)
        if not job.course.stop():
            raise BadRequestError(f"Job has already completed: {job.id}", code="invalid_request")
        return answer_json(job.shown())

    def events(self, identifier: str, query: Mapping[str, str]) -> Response:
        """GET /fine_tuning/jobs/{id}/events."""
        return answer_json(cursor_page(self._job(identifier).events(), query))

    def checkpoints(self, identifier: str, query: Mapping[str, str]) -> Response:
        """GET /fine_tuning/jobs/{id}/checkpoints."""
        return answer_json(cursor_page(self._job(identifier).checkpoints(), query, most=10))

    def _job(self, identifier: str) -> Job:
        self._settle()
        if identifier not in self._jobs:
            message = f"Could not find fine tune: {identifier}"
            raise BadRequestError(message, parameter="fine_tuning_job_id", code="fine_tune_not_found", status=404)
        return self._jobs[identifier]

    def _settle(self) -> None:
        """Write the results of jobs that have completed since somebody looked."""
        for job in self._jobs.values():
            if not job.files and job.course.phase() is Phase.COMPLETED:
                rows = [f"{step},{loss}" for step, loss in enumerate(losses(1.0, _STEPS), 1)]
                text = "\n".join(["step,train_loss", *rows, ""])
                job.files = [self._files.add(File("step_metrics.csv", "fine-tune-results", text.encode())).id]


def _refuse(kind: str | None) -> None:
    if kind == "quota":
        message = "You exceeded your current quota, please check your plan and billing details."
        raise BadRequestError(message, code="insufficient_quota", status=429)
    if kind == "429":
        raise BadRequestError("Rate limit reached for requests.", code="rate_limit_exceeded", status=429)
    if kind == "500":
        raise BadRequestError("The server had an error while processing your request.", status=500)


def _check(asked: Mapping[str, Any], model: str, tuned: list[str]) -> None:
    if model not in BASES and model not in tuned:
        message = f"Model {model} is not available for fine-tuning or does not exist."
        raise BadRequestError(message, code="model_not_available")
    if len(asked.get("suffix") or "") > _LONGEST_SUFFIX:
        raise BadRequestError(f"'suffix' is longer than {_LONGEST_SUFFIX} characters.", parameter="suffix")
    if len(asked.get("metadata") or {}) > _MOST_METADATA:
        raise BadRequestError(f"'metadata' has more than {_MOST_METADATA} pairs.", parameter="metadata")
    method = asked.get("method")
    if method is not None and method.get("type") not in _METHODS:
        raise BadRequestError(f"'method.type' must be one of {list(_METHODS)}.", parameter="method.type")
