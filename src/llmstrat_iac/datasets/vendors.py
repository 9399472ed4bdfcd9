"""The built-in table of what vendors demand of training files. Facts only; checked against the named sources.

Amazon's record limits are service quotas as well: the preflight reads the account's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.datasets import converters
from llmstrat_iac.datasets.example import Example
from llmstrat_iac.datasets.rules import Limit, Method, VendorRules

_NOVA_GUIDE = "AWS, Amazon Nova user guide, preparing data for fine-tuning understanding models"
_NOVA_VALIDATOR = "aws-samples/amazon-nova-samples, nova_ft_dataset_validator.py (2026)"
_BEDROCK_GUIDE = "AWS, Amazon Bedrock user guide, prepare data for fine-tuning text-to-text models"
_CLAUDE_COOKBOOK = "Anthropic cookbook, fine-tuning on Bedrock"
_SAGEMAKER_SDK = "sagemaker-train 1.27.0, ai_registry/dataset_validation.py"
_GEMINI_GUIDE = "Google Cloud, supervised fine-tuning for Gemini models, limits of Gemini 2.5 Flash (2026)"
_GEMINI_PREFERENCE = "Google Cloud, prepare preference tuning data for Gemini models (2026)"
# The chat templates of Llama 2, Mistral and Gemma raise unless user and assistant take turns: the rules' default.
_TRL_FORMATS = "https://huggingface.co/docs/trl/dataset_formats"
_OPENAI_GUIDE = "OpenAI, fine-tuning guide"
_OPENAI_FILES = "OpenAI API reference, files"

# The guide names the words; Amazon's own validator adds `Thought:` and `<unk>` and ignores case.
_NOVA_WORDS = (
    ("System:", "System -"),
    ("User:", "User -"),
    ("Bot:", "Bot -"),
    ("Assistant:", "Assistant -"),
    ("Thought:", "Thought -"),
    ("[EOS]", "(EOS)"),
    ("<image>", "(image)"),
    ("<video>", "(video)"),
    ("<unk>", "(unk)"),
)
# Characters beyond these make Bedrock refuse the S3 key.
_BEDROCK_FILE = r"[A-Za-z0-9_./-]+"


def _nova(models: str, minimum: int) -> VendorRules:
    return VendorRules(
        name="bedrock",
        models=models,
        method=Method.SUPERVISED,
        format="bedrock-conversation-2024",
        convert=converters.nova,
        source=_NOVA_GUIDE,
        reserved_words=_NOVA_WORDS,
        min_examples=Limit(minimum, _NOVA_VALIDATOR),
        advised_examples=Limit(100, _NOVA_GUIDE),
        max_examples=Limit(20_000, _NOVA_VALIDATOR),
        file_name=_BEDROCK_FILE,
    )


def _prompt_completion(models: str) -> VendorRules:
    return VendorRules(
        name="bedrock",
        models=models,
        method=Method.SUPERVISED,
        format="prompt/completion",
        convert=converters.prompt_completion,
        source=_BEDROCK_GUIDE,
        single_turn=True,
        file_name=_BEDROCK_FILE,
    )


BEDROCK = (
    _nova("amazon.nova-2-*", 200),
    _nova("amazon.nova-*", 8),
    VendorRules(
        name="bedrock",
        models="anthropic.claude-*",
        method=Method.SUPERVISED,
        format="system/messages",
        convert=converters.claude,
        source=_CLAUDE_COOKBOOK,
        extra_keys_fail=True,
        file_name=_BEDROCK_FILE,
    ),
    _prompt_completion("meta.llama*"),
    _prompt_completion("amazon.titan-text-*"),
    _prompt_completion("cohere.command-*"),
)

SAGEMAKER = (
    VendorRules(
        name="sagemaker",
        models="*",
        method=Method.SUPERVISED,
        format="prompt/completion",
        convert=converters.prompt_completion,
        source=_SAGEMAKER_SDK,
        single_turn=True,
    ),
    VendorRules(
        name="sagemaker",
        models="*",
        method=Method.PREFERENCE,
        format="prompt/chosen/rejected",
        convert=converters.prompt_chosen_rejected,
        source=_SAGEMAKER_SDK,
        single_turn=True,
    ),
)

GEMINI = (
    VendorRules(
        name="gemini",
        models="gemini-*",
        method=Method.SUPERVISED,
        format="systemInstruction/contents",
        convert=converters.gemini,
        source=_GEMINI_GUIDE,
        max_examples=Limit(1_000_000, _GEMINI_GUIDE),
        max_validation_examples=Limit(5_000, _GEMINI_GUIDE),
        max_bytes=Limit(1_000_000_000, _GEMINI_GUIDE),
        max_example_tokens=Limit(131_072, _GEMINI_GUIDE),
    ),
    VendorRules(
        name="gemini",
        models="gemini-*",
        method=Method.PREFERENCE,
        format="contents/completions",
        convert=converters.gemini_preference,
        source=_GEMINI_PREFERENCE,
        max_example_tokens=Limit(128_000, _GEMINI_PREFERENCE),
    ),
)

OPENAI = (
    VendorRules(
        name="openai",
        models="*",
        method=Method.SUPERVISED,
        format="messages",
        convert=converters.openai,
        source=_OPENAI_GUIDE,
        roles=frozenset({"system", "user", "assistant", "tool"}),
        alternates=False,
        record_keys=frozenset({"tools", "parallel_tool_calls"}),
        message_keys=frozenset({"name", "weight", "tool_calls", "tool_call_id"}),
        min_examples=Limit(10, _OPENAI_GUIDE),
        advised_examples=Limit(50, _OPENAI_GUIDE),
        max_bytes=Limit(512_000_000, _OPENAI_FILES),
        tokenizer="o200k_base",
    ),
    VendorRules(
        name="openai",
        models="*",
        method=Method.PREFERENCE,
        format="input/preferred_output/non_preferred_output",
        convert=converters.openai_preference,
        source=_OPENAI_GUIDE,
        roles=frozenset({"system", "user", "assistant", "tool"}),
        alternates=False,
        record_keys=frozenset({"tools", "parallel_tool_calls"}),
        message_keys=frozenset({"name", "tool_calls", "tool_call_id"}),
        min_examples=Limit(10, _OPENAI_GUIDE),
        max_bytes=Limit(512_000_000, _OPENAI_FILES),
        tokenizer="o200k_base",
    ),
)

TRL_CHAT, TRL_TEXT = "trl", "trl-text"
"""Training of one's own: a model with a chat template, and one without, which knows no turns and no system message."""


def _trl(name: str, method: Method, form: str, convert: Callable[[Example], Mapping[str, Any]]) -> VendorRules:
    text = name == TRL_TEXT
    roles = frozenset({"user", "assistant"}) if text else frozenset({"system", "user", "assistant"})
    return VendorRules(
        name=name,
        models="*",
        method=method,
        format=form,
        convert=convert,
        source=_TRL_FORMATS,
        roles=roles,
        single_turn=text,
    )


TRL = (
    _trl(TRL_CHAT, Method.SUPERVISED, "prompt/completion messages", converters.trl),
    _trl(TRL_CHAT, Method.PREFERENCE, "prompt/chosen/rejected messages", converters.trl_preference),
    _trl(TRL_TEXT, Method.SUPERVISED, "prompt/completion", converters.prompt_completion),
    _trl(TRL_TEXT, Method.PREFERENCE, "prompt/chosen/rejected", converters.prompt_chosen_rejected),
)

VENDOR_RULES: tuple[VendorRules, ...] = BEDROCK + SAGEMAKER + GEMINI + OPENAI + TRL
