"""The HTTP routes of OpenAI's files and fine-tuning, with keys, faults and errors as on the other endpoints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llmstrat_iac.sandbox.jobs import at_one_moment
from llmstrat_iac.sandbox.vendor.answering import wanted_fault
from llmstrat_iac.sandbox.vendor.dialects import OPENAI
from llmstrat_iac.sandbox.vendor.openai_files import Files
from llmstrat_iac.sandbox.vendor.openai_tuning import FineTuning
from llmstrat_iac.sandbox.vendor.wire import BadRequestError, answer_json

Handle = Callable[[Request], Awaitable[Response]]
_FAULTS = {"500": "The server had an error while processing your request.", "429": "Rate limit reached for requests."}


@dataclass(frozen=True)
class OpenAiTuningWire:
    """The endpoints over one set of files and jobs."""

    files: Files
    tuning: FineTuning

    def routes(self) -> list[Route]:
        """Everything under the vendor's base URL."""
        files, jobs = self.files, self.tuning
        tasks = "/fine_tuning/jobs"
        table: list[tuple[str, str, Callable[[Request], Response | Awaitable[Response]]]] = [
            ("POST", "/files", files.upload),
            ("GET", "/files", lambda request: files.list(request.query_params)),
            ("GET", "/files/{id}", lambda request: answer_json(files.get(_id(request)).shown())),
            ("GET", "/files/{id}/content", lambda request: Response(files.get(_id(request)).content)),
            ("DELETE", "/files/{id}", lambda request: files.delete(_id(request))),
            ("POST", tasks, jobs.create),
            ("GET", tasks, lambda request: jobs.list(request.query_params)),
            ("GET", f"{tasks}/{{id}}", lambda request: jobs.retrieve(_id(request))),
            ("POST", f"{tasks}/{{id}}/cancel", lambda request: jobs.cancel(_id(request))),
            ("GET", f"{tasks}/{{id}}/events", lambda request: jobs.events(_id(request), request.query_params)),
            (
                "GET",
                f"{tasks}/{{id}}/checkpoints",
                lambda request: jobs.checkpoints(_id(request), request.query_params),
            ),
            ("DELETE", "/models/{id:path}", self._delete_model),
        ]
        return [Route(path, _guarded(handle), methods=[method]) for method, path, handle in table]

    def _delete_model(self, request: Request) -> Response:
        name = _id(request)
        if not self.tuning.delete_model(name):
            message = f"The model '{name}' does not exist"
            raise BadRequestError(message, parameter="model", code="model_not_found", status=404)
        return answer_json({"id": name, "object": "model", "deleted": True})


def refuse_key(request: Request) -> Response | None:
    """OpenAI's answer to a missing or unknown key."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        return OPENAI.missing_key()
    return OPENAI.wrong_key(key) if key.startswith("bad") else None


def _guarded(handle: Callable[[Request], Response | Awaitable[Response]]) -> Handle:
    async def answer(request: Request) -> Response:
        refusal = refuse_key(request)
        if refusal is not None:
            return refusal
        fault = wanted_fault(request, "")
        if fault in _FAULTS:
            return OPENAI.error(int(fault), _FAULTS[fault], None, None)
        try:
            with at_one_moment():
                result = handle(request)
                return result if isinstance(result, Response) else await result
        except BadRequestError as error:
            return OPENAI.error(error.status, error.message, error.code, error.parameter)

    return answer


def _id(request: Request) -> str:
    return str(request.path_params["id"])
