"""The part of the Hugging Face hub a preflight asks: whether a model, adapter or tokenizer is there at a commit."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llmstrat_iac.catalog.open_models import find_model

_NOT_GRANTED = "not-granted"
"""A token with this in it belongs to an account that hasn't accepted any licence."""
_NO_COMMIT = "0" * 40


def hub_routes() -> list[Route]:
    """The hub's surface."""
    return [
        Route(f"/{{organisation}}/{{model}}/resolve/{{revision}}/{name}", _file, methods=["GET", "HEAD"])
        for name in ("config.json", "tokenizer.json", "adapter_config.json")
    ]


async def _file(request: Request) -> Response:
    name = f"{request.path_params['organisation']}/{request.path_params['model']}"
    if request.path_params["revision"] == _NO_COMMIT:
        return Response("Entry not found", status_code=404)
    known = find_model(name)
    if known is not None and known.gated:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            return Response(f"Access to model {name} is restricted.", status_code=401)
        if _NOT_GRANTED in token:
            return Response(f"Access to model {name} is restricted and you are not in the list.", status_code=403)
    return Response(json.dumps({"model_type": "llama"}), media_type="application/json")
