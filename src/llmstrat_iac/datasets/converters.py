"""Neutral examples to each vendor's JSON object. Pure functions of an example that has passed the vendor's rules.

Keys come out in a fixed order, so the same example always gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmstrat_iac.datasets.example import Example

Json = Mapping[str, Any]


def _split(example: Example) -> tuple[str | None, tuple[Json, ...]]:
    """The system text, if any, and the turns."""
    first = example.messages[0]
    if first["role"] == "system":
        return first["content"], example.messages[1:]
    return None, example.messages


def nova(example: Example) -> Json:
    """Amazon Nova on Bedrock: `bedrock-conversation-2024`."""
    system, turns = _split(example)
    return {
        "schemaVersion": "bedrock-conversation-2024",
        **({} if system is None else {"system": [{"text": system}]}),
        "messages": [{"role": turn["role"], "content": [{"text": turn["content"]}]} for turn in turns],
    }


def claude(example: Example) -> Json:
    """Claude 3 Haiku on Bedrock: `system` and plain `messages`, nothing else."""
    system, turns = _split(example)
    return {
        **({} if system is None else {"system": system}),
        "messages": [{"role": turn["role"], "content": turn["content"]} for turn in turns],
    }


def prompt_completion(example: Example) -> Json:
    """Llama and Titan on Bedrock, SFT on SageMaker: one prompt, one completion; a system text leads the prompt."""
    return {"prompt": _prompt(example), "completion": example.messages[-1]["content"]}


def prompt_chosen_rejected(example: Example) -> Json:
    """DPO on SageMaker: three strings."""
    return {"prompt": _prompt(example), "chosen": example.chosen, "rejected": example.rejected}


def trl(example: Example) -> Json:
    """TRL's trainer for models with a chat template: the chat before the last answer, and that answer."""
    *before, answer = example.messages
    return {"prompt": [_message(each) for each in before], "completion": [_message(answer)]}


def trl_preference(example: Example) -> Json:
    """TRL's DPO trainer for models with a chat template: the chat, and both answers."""
    return {
        "prompt": [_message(each) for each in example.messages],
        "chosen": [{"role": "assistant", "content": example.chosen}],
        "rejected": [{"role": "assistant", "content": example.rejected}],
    }


def _message(message: Json) -> Json:
    return {"role": message["role"], "content": message["content"]}


def _prompt(example: Example) -> str:
    return "\n\n".join(message["content"] for message in example.messages if message["role"] != "assistant")


def gemini(example: Example) -> Json:
    """Gemini, supervised: `systemInstruction` and `contents`."""
    system, turns = _split(example)
    return {
        **({} if system is None else {"systemInstruction": {"role": "system", "parts": [{"text": system}]}}),
        "contents": [_content(turn) for turn in turns],
    }


def gemini_preference(example: Example) -> Json:
    """Gemini, preference: the chat up to the question, and two scored completions."""
    system, turns = _split(example)
    pairs = ((1, example.chosen), (0, example.rejected))
    return {
        **({} if system is None else {"system_instruction": {"parts": [{"text": system}]}}),
        "contents": [_content(turn) for turn in turns],
        "completions": [
            {"score": score, "completion": {"role": "model", "parts": [{"text": text}]}} for score, text in pairs
        ],
    }


def _content(turn: Json) -> Json:
    role = "model" if turn["role"] == "assistant" else "user"
    return {"role": role, "parts": [{"text": turn["content"]}]}


def openai(example: Example) -> Json:
    """OpenAI, supervised: `messages` with what else the vendor takes, tools included."""
    return {"messages": [dict(message) for message in example.messages], **example.extra}


def openai_preference(example: Example) -> Json:
    """OpenAI, preference (DPO): the question as `input`, and both answers."""
    return {
        "input": {"messages": [dict(message) for message in example.messages], **example.extra},
        "preferred_output": [{"role": "assistant", "content": example.chosen}],
        "non_preferred_output": [{"role": "assistant", "content": example.rejected}],
    }
