"""Token counts: what a vendor reported, and the upper estimate that a budget reserves before anything is known."""

from __future__ import annotations

from typing import Any, Final

from .exchange import Call, Endpoint, Usage

DEFAULT_COMPLETION: Final = 4096  # reserved when the client names no limit
_IMAGE: Final = 1600  # tokens; what vendors count at most for one high-detail image of usual size
_LIMITS: Final = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_PER_ITEM: Final = 8  # tokens that a vendor's chat template adds to a message


def read_usage(document: dict[str, Any]) -> Usage | None:
    """The usage in a reply or chunk, in the names of any of the endpoints; None when it isn't reported."""
    usage = document.get("usage")
    if not isinstance(usage, dict):
        return None
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    completion = usage.get("completion_tokens", usage.get("output_tokens", 0))
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    return Usage(prompt, completion)


def estimate(call: Call) -> int:
    """An upper estimate of all tokens that a call can use."""
    prompt = sum(_weigh(value) for name, value in call.document.items() if name != "model")
    if call.endpoint is Endpoint.EMBEDDINGS:
        return prompt
    limits = [call.document.get(name) for name in _LIMITS]
    named = [limit for limit in limits if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0]
    answers = call.document.get("n")
    return prompt + max(named, default=DEFAULT_COMPLETION) * (
        answers if isinstance(answers, int) and answers > 1 else 1
    )


def _weigh(value: object) -> int:
    """Three UTF-8 bytes a token is above what English (about 4.5), code (about 3.5) and Chinese (about 3) need."""
    if isinstance(value, str):
        if value.startswith("data:"):
            return _IMAGE
        return len(value.encode(errors="surrogatepass")) // 3 + 1
    if isinstance(value, list):
        return sum(map(_weigh, value)) + _PER_ITEM
    if isinstance(value, dict):
        if isinstance(value.get("image_url"), (str, dict)):
            return _IMAGE
        return sum(_weigh(item) for item in value.values()) + len(value)
    return 1
