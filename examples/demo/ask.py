"""Asks the gateway one question as any application would: through the OpenAI SDK, given a base URL and a key.

Prints the answer, or the status and the error as the application sees them. Exits with 1 unless the status is the
expected one, so that the demo can't tell a story that didn't happen.
"""

from __future__ import annotations

import argparse
import sys
import textwrap

from openai import APIStatusError, OpenAI
from openai.types.chat import ChatCompletion

LONGEST_ANSWER = 120  # tokens; the gateway reserves that much of a budget before it asks the model


def ask(client: OpenAI, model: str, question: str) -> None:
    """Print the whole answer at once."""
    answer = ask_quietly(client, model, question)
    text = answer.choices[0].message.content
    if not text or answer.usage is None:
        sys.exit("the answer is empty")
    shown = textwrap.fill(text.strip(), 96, initial_indent="  ", subsequent_indent="  ")
    print(f"{shown}\n  ({answer.usage.prompt_tokens} tokens in, {answer.usage.completion_tokens} out)")


def ask_quietly(client: OpenAI, model: str, question: str) -> ChatCompletion:
    """The answer, unprinted."""
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], max_completion_tokens=LONGEST_ANSWER
    )


def stream(client: OpenAI, model: str, question: str) -> None:
    """Print the answer piece by piece, as it arrives."""
    pieces = 0
    print("  ", end="")
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        max_completion_tokens=LONGEST_ANSWER,
        stream=True,
    ):
        text = chunk.choices[0].delta.content if chunk.choices else None
        if text:
            pieces += 1
            print(text, end="", flush=True)
    print(f"\n  (in {pieces} pieces)")
    if pieces < 2:
        sys.exit("the answer came in one piece: that is no stream")


def failure(error: APIStatusError) -> str:
    """The status and the error as the application sees them."""
    body = error.body if isinstance(error.body, dict) else {}
    return f"HTTP {error.status_code} {body.get('code') or ''}: {body.get('message') or error.message}"


def ask_until(client: OpenAI, model: str, question: str, status: int) -> int:
    """Ask again and again until the gateway answers with `status`; the first question must be answered."""
    for call in range(1, 11):
        try:
            ask_quietly(client, model, question)
        except APIStatusError as error:
            print(f"  call {call}: {failure(error)}")
            return error.status_code if call > 1 else 0
        print(f"  call {call}: answered")
    print(f"  ten calls, and never HTTP {status}")
    return 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--model", default="chat")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--expect", type=int, default=200, help="the status that the story tells")
    parser.add_argument("--repeat", action="store_true", help="ask until that status comes")
    parser.add_argument("question")
    options = parser.parse_args()
    client = OpenAI(base_url=options.base_url, api_key=options.key, max_retries=0, timeout=120)
    if options.repeat:
        status = ask_until(client, options.model, options.question, options.expect)
    else:
        try:
            (stream if options.stream else ask)(client, options.model, options.question)
            status = 200
        except APIStatusError as error:
            print(f"  {failure(error)}")
            status = error.status_code
    if status != options.expect:
        sys.exit(f"expected HTTP {options.expect}, got {status}")


if __name__ == "__main__":
    main()
