"""The HTTP routes of Google's tuning (Vertex AI, now Gemini Enterprise Agent Platform), and of calling what it made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llmstrat_iac.sandbox.jobs import at_one_moment
from llmstrat_iac.sandbox.vendor.answering import wanted_fault
from llmstrat_iac.sandbox.vendor.dialects import GEMINI
from llmstrat_iac.sandbox.vendor.gemini_wire import GeminiWire
from llmstrat_iac.sandbox.vendor.generator import Generator
from llmstrat_iac.sandbox.vendor.google_access import GoogleError, refuse_access
from llmstrat_iac.sandbox.vendor.google_tuning import GoogleTuning, Made, chosen, found, new_number, rfc3339
from llmstrat_iac.sandbox.vendor.openai_wire import OpenAiWire
from llmstrat_iac.sandbox.vendor.tuned import TunedGenerator
from llmstrat_iac.sandbox.vendor.wire import answer_json, read_json

_PARENT = "/{version}/projects/{project}/locations/{location}"
_CHAT = "/chat/completions"
_FAULTS = {"500": "Internal error encountered.", "429": "Resource has been exhausted (e.g. check quota)."}
_PAGE = 100


@dataclass(frozen=True)
class GoogleTuningWire:
    """The endpoints over one set of jobs and one generator."""

    tuning: GoogleTuning
    generator: Generator

    def routes(self) -> list[Route]:
        """Everything under the service's root."""
        jobs, endpoints, models = (f"{_PARENT}/{kind}" for kind in ("tuningJobs", "endpoints", "models"))
        table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            ("POST", jobs, self._create),
            ("GET", jobs, self._list_jobs),
            ("GET", f"{jobs}/{{id}}", self._get_job),
            ("POST", f"{jobs}/{{id}}:cancel", self._cancel),
            ("GET", endpoints, self._list_endpoints),
            ("GET", f"{endpoints}/{{id}}", self._get_endpoint),
            ("DELETE", f"{endpoints}/{{id}}", self._delete_endpoint),
            ("POST", f"{endpoints}/{{id}}:undeployModel", self._undeploy),
            ("GET", models, self._list_models),
            ("GET", f"{models}/{{id}}", self._get_model),
            ("DELETE", f"{models}/{{id}}", self._delete_model),
            ("GET", f"{_PARENT}/operations/{{id}}", self._get_operation),
            ("POST", f"{endpoints}/{{id}}{_CHAT}", self._chat),
            ("POST", f"{endpoints}/{{id}}:{{verb}}", self._generate_tuned),
            ("POST", f"{_PARENT}/publishers/google/models/{{id}}:{{verb}}", self._generate),
        ]
        return [Route(path, _guarded(handle), methods=[method]) for method, path, handle in table]

    async def _create(self, request: Request) -> Response:
        return answer_json(self.tuning.create(_parent(request), await read_json(request)))

    async def _list_jobs(self, request: Request) -> Response:
        self.tuning.settle()
        terms, parent = request.query_params.get("filter") or "", f"{_parent(request)}/"
        jobs = [
            job.shown()
            for job in reversed(self.tuning.jobs.values())
            if job.name.startswith(parent) and chosen(job.display_name, dict(job.asked.get("labels") or {}), terms)
        ]
        return _page("tuningJobs", jobs, request)

    async def _get_job(self, request: Request) -> Response:
        return answer_json(self.tuning.job(_name(request, "tuningJobs")).shown())

    async def _cancel(self, request: Request) -> Response:
        self.tuning.cancel(_name(request, "tuningJobs"))
        return answer_json({})

    async def _list_endpoints(self, request: Request) -> Response:
        return _page("endpoints", self._chosen(self.tuning.endpoints, request), request)

    async def _get_endpoint(self, request: Request) -> Response:
        self.tuning.settle()
        return answer_json(_shown(found(self.tuning.endpoints, _name(request, "endpoints"))))

    async def _undeploy(self, request: Request) -> Response:
        self.tuning.undeploy(_name(request, "endpoints"))
        return _operation(request)

    async def _delete_endpoint(self, request: Request) -> Response:
        force = request.query_params.get("force") == "true"
        self.tuning.delete_endpoint(_name(request, "endpoints"), force=force)
        return _operation(request)

    async def _list_models(self, request: Request) -> Response:
        return _page("models", self._chosen(self.tuning.models, request), request)

    async def _get_model(self, request: Request) -> Response:
        self.tuning.settle()
        name = _name(request, "models").partition("@")[0]
        users = [endpoint.name for endpoint in self.tuning.endpoints.values() if endpoint.model == name]
        deployed = [{"endpoint": user, "deployedModelId": "1"} for user in users]
        return answer_json({**_shown(found(self.tuning.models, name)), "deployedModels": deployed})

    async def _delete_model(self, request: Request) -> Response:
        self.tuning.delete_model(_name(request, "models"))
        return _operation(request)

    async def _get_operation(self, request: Request) -> Response:
        return answer_json({"name": _name(request, "operations"), "done": True, "response": {}})

    async def _chat(self, request: Request) -> Response:
        """OpenAI's format at an endpoint; at `endpoints/openapi` the model is named in the body."""
        name = _name(request, "endpoints")
        if request.path_params["id"] == "openapi":
            name = str((await read_json(request)).get("model") or "")
            if "/endpoints/" not in name:
                return await OpenAiWire(self.generator, GEMINI).chat(request)
        return await OpenAiWire(self._tuned(name), GEMINI).chat(request)

    async def _generate_tuned(self, request: Request) -> Response:
        name = _name(request, "endpoints")
        return await GeminiWire(self._tuned(name)).generate(request, name, request.path_params["verb"])

    async def _generate(self, request: Request) -> Response:
        model, verb = request.path_params["id"], request.path_params["verb"]
        return await GeminiWire(self.generator).generate(request, model, verb)

    def _tuned(self, endpoint: str) -> TunedGenerator:
        if not self.tuning.serves(endpoint):
            raise GoogleError(404, f"Endpoint `{endpoint}` not found, or it has no deployed model.")
        return TunedGenerator(self.generator, endpoint.rpartition("/")[2])

    def _chosen(self, store: Mapping[str, Made], request: Request) -> list[dict[str, Any]]:
        self.tuning.settle()
        terms, parent = request.query_params.get("filter") or "", f"{_parent(request)}/"
        return [
            _shown(made)
            for made in store.values()
            if made.name.startswith(parent) and chosen(made.display_name, made.labels, terms)
        ]


def _guarded(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        refusal = refuse_access(request)
        if refusal is not None:
            return refusal
        fault = wanted_fault(request, "")
        try:
            if fault in _FAULTS:
                raise GoogleError(int(fault), _FAULTS[fault])
            with at_one_moment():
                return await handle(request)
        except GoogleError as error:
            return error.response()

    return answer


def _parent(request: Request) -> str:
    return "projects/{project}/locations/{location}".format_map(request.path_params)


def _name(request: Request, kind: str) -> str:
    return f"{_parent(request)}/{kind}/{request.path_params['id']}"


def _shown(made: Made) -> dict[str, Any]:
    moment = rfc3339(made.created)
    result = {
        "name": made.name,
        "displayName": made.display_name,
        "labels": dict(made.labels),
        "createTime": moment,
        "updateTime": moment,
    }
    if "/endpoints/" in made.name:
        deployed = {"id": "1", "model": f"{made.model}@1", "displayName": made.display_name}
        return {**result, "deployedModels": [deployed] if made.model else []}
    return {**result, "versionId": "1", "versionAliases": ["default"]}


def _operation(request: Request) -> Response:
    """A long-running operation that didn't run long."""
    name = f"{_parent(request)}/operations/{new_number()}"
    empty = {"@type": "type.googleapis.com/google.protobuf.Empty"}
    return answer_json({"name": name, "done": True, "response": empty})


def _page(kind: str, items: list[dict[str, Any]], request: Request) -> Response:
    start = int(request.query_params.get("pageToken") or 0)
    end = start + int(request.query_params.get("pageSize") or _PAGE)
    more = {"nextPageToken": str(end)} if end < len(items) else {}
    return answer_json({kind: items[start:end], **more})
