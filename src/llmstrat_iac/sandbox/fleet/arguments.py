"""What the stand-in needs of vLLM's command line: which names it serves, which adapters, how long a context.

The real parser checks the rest of the arguments elsewhere (`make test-vllm`); here unknown options are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from llmstrat_iac.errors import SandboxError

# vLLM's own default when neither the flag nor the model's configuration says; the stand-in reads no model.
_MOST_TOKENS = 8192


@dataclass(frozen=True)
class ServedAdapter:
    """A LoRA adapter by the name that clients ask for."""

    name: str
    path: str


@dataclass(frozen=True)
class EngineArguments:
    """One engine's arguments, as far as they change what clients see."""

    model: str
    names: tuple[str, ...]
    adapters: tuple[ServedAdapter, ...] = ()
    context: int = _MOST_TOKENS
    api_keys: tuple[str, ...] = ()
    always_usage: bool = False


def parse_engine_arguments(words: Sequence[str]) -> EngineArguments:
    """Read vLLM's arguments (`serve MODEL --flag …` or `--model MODEL --flag …`); SandboxError without a model."""
    positional, options = _split(words)
    model = (options.get("model") or positional or [""])[0]
    if not model:
        raise SandboxError("vLLM's arguments name no model", remedy="give it first, or with `--model`")
    names = tuple(options.get("served-model-name") or (model,))
    adapters = _adapters(options["lora-modules"]) if options.get("lora-modules") else ()
    if adapters and "enable-lora" not in options:
        raise SandboxError("`--lora-modules` needs `--enable-lora`: vLLM wouldn't load an adapter")
    return EngineArguments(
        model=model,
        names=names,
        adapters=adapters,
        context=int((options.get("max-model-len") or [str(_MOST_TOKENS)])[0]),
        api_keys=tuple(options.get("api-key") or ()),
        always_usage="enable-force-include-usage" in options,
    )


def _split(words: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Words before the first option, and each option's values; `--a_b` means `--a-b`, as vLLM takes it."""
    rest = list(words[1:] if words[:1] == ["serve"] else words)
    positional: list[str] = []
    options: dict[str, list[str]] = {}
    current = positional
    for word in rest:
        if word.startswith("--"):
            flag, equals, value = word[2:].partition("=")
            current = options.setdefault(flag.replace("_", "-"), [])
            if equals:
                current.append(value)
        else:
            current.append(word)
    return positional, options


def _adapters(values: Sequence[str]) -> tuple[ServedAdapter, ...]:
    """`name=path`, or a JSON object with both; vLLM takes no array of them."""
    found: list[ServedAdapter] = []
    for value in values:
        if value.startswith("{"):
            described = json.loads(value)
            found.append(ServedAdapter(described["name"], described["path"]))
        else:
            name, equals, path = value.partition("=")
            if not equals:
                raise SandboxError(f"`--lora-modules`: `{value}` isn't `name=path`")
            found.append(ServedAdapter(name, path))
    return tuple(found)
