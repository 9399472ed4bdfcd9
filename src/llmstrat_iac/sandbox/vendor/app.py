"""All vendors' surfaces in one ASGI application, each under its own path as if it were its own host."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from llmstrat_iac.sandbox.vendor.bedrock_wire import BedrockWire
from llmstrat_iac.sandbox.vendor.dialects import GEMINI, MISTRAL, OPENAI
from llmstrat_iac.sandbox.vendor.gemini_wire import GeminiWire
from llmstrat_iac.sandbox.vendor.generator import Generator
from llmstrat_iac.sandbox.vendor.google_access import exchange_token
from llmstrat_iac.sandbox.vendor.google_storage import GoogleStorage
from llmstrat_iac.sandbox.vendor.google_tuning import GoogleTuning
from llmstrat_iac.sandbox.vendor.google_tuning_wire import GoogleTuningWire
from llmstrat_iac.sandbox.vendor.hub_wire import hub_routes
from llmstrat_iac.sandbox.vendor.openai_files import Files
from llmstrat_iac.sandbox.vendor.openai_tuning import FineTuning
from llmstrat_iac.sandbox.vendor.openai_tuning_wire import OpenAiTuningWire
from llmstrat_iac.sandbox.vendor.openai_wire import OpenAiWire


def build_app(generator: Generator) -> Starlette:
    """The vendors over one generator."""
    files = Files()
    tuning = FineTuning(files, generator)
    storage = GoogleStorage()
    google = GoogleTuningWire(GoogleTuning(storage), generator)
    openai = [*OpenAiTuningWire(files, tuning).routes(), *OpenAiWire(generator, OPENAI, tuning).routes()]
    return Starlette(
        routes=[
            Route("/healthz", _health),
            Mount("/openai/v1", routes=openai),
            Mount("/mistral/v1", routes=OpenAiWire(generator, MISTRAL).routes()),
            Mount("/gemini/v1beta/openai", routes=OpenAiWire(generator, GEMINI).routes()),
            Mount("/vertex", routes=google.routes()),
            Mount("/gcs", routes=storage.routes()),
            Route("/google/token", exchange_token, methods=["POST"]),
            Mount("/gemini/v1beta", routes=GeminiWire(generator).routes()),
            Mount("/hub", routes=hub_routes()),
            Mount("/bedrock", routes=BedrockWire(generator).routes()),
        ]
    )


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok")
