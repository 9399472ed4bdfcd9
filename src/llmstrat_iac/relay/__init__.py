"""The gateway's data plane: OpenAI wire format in, one or more model vendors out.

An import root of its own: the standard library, botocore and urllib3 only (Lambda's managed Python runtime has
them), and nothing else of llmstrat_iac, so that this folder is the zip's top-level package `relay`. It never
stores or logs a key, and never a prompt unless the configuration says so.
"""

from __future__ import annotations

# What a zip needs, in this folder's names: `relay/<file>` for each, and next to `relay/` the configuration and
# WRAPPER_FILE (mode 0755). The authorizer's zip needs AUTHORIZER_FILES and `consumers.json`.
AUTHORIZER_FILES = ("__init__.py", "authorizer.py", "consumers.py", "errors.py", "fields.py")
PACKAGE_FILES = (
    "__init__.py",
    "app.py",
    "asgi.py",
    "authorizer.py",
    "aws.py",
    "bedrock_wire.py",
    "budget.py",
    "config.py",
    "consumers.py",
    "converse_reply.py",
    "converse_request.py",
    "dynamodb_budget.py",
    "errors.py",
    "exchange.py",
    "fallback.py",
    "fields.py",
    "fleet_errors.py",
    "google_access.py",
    "keepalive.py",
    "lambda_handler.py",
    "openai_errors.py",
    "openai_reply.py",
    "openai_wire.py",
    "routing.py",
    "runtime_loop.py",
    "sagemaker_wire.py",
    "secrets.py",
    "signing.py",
    "sse.py",
    "tokens.py",
    "usage.py",
    "vendor_http.py",
)
WRAPPER_FILE = "wrapper.sh"
LAMBDA_HANDLER = "relay.lambda_handler.handler"
AUTHORIZER_HANDLER = "relay.authorizer.handler"
