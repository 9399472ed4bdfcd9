"""What Mistral sells: list prices and lifecycle, read from the model cards in Mistral's own documentation repository.

Each card's commit is in its source. A launch discount is not counted: it ends, and a budget shouldn't rest on it.
"""

from __future__ import annotations

from datetime import date

from llmstrat_iac.catalog.models import ModelInfo

_CARDS = "mistralai/platform-docs-public, src/schema/models/models"

MODELS = (
    ModelInfo(
        id="mistral-large-4-0",
        usd_per_mtok_input=1.36,
        usd_per_mtok_output=4.18,
        source=f"{_CARDS}/mistral-large-4-0.ts @c971dd85 (list price; half of it until 2026-10-20)",
        as_of="2026-10-06",
        max_input_tokens=1_000_000,
    ),
    ModelInfo(
        id="mistral-medium-3.5",
        usd_per_mtok_input=1.5,
        usd_per_mtok_output=7.5,
        source=f"{_CARDS}/mistral-medium-3-5-26-04.ts @41f8bc4c",
        as_of="2026-04-28",
        max_input_tokens=256_000,
    ),
    ModelInfo(
        id="mistral-small-2603",
        usd_per_mtok_input=0.15,
        usd_per_mtok_output=0.6,
        source=f"{_CARDS}/mistral-small-4-0-26-03.ts @038807d6",
        as_of="2026-03-16",
        max_input_tokens=256_000,
    ),
    ModelInfo(
        id="mistral-large-2512",
        usd_per_mtok_input=0.5,
        usd_per_mtok_output=1.5,
        source=f"{_CARDS}/mistral-large-3-25-12.ts @038807d6",
        as_of="2026-03-16",
        max_input_tokens=256_000,
    ),
    ModelInfo(
        id="codestral-2508",
        usd_per_mtok_input=0.3,
        usd_per_mtok_output=0.9,
        source=f"{_CARDS}/codestral-25-08.ts @038807d6",
        as_of="2026-03-16",
        max_input_tokens=128_000,
    ),
    ModelInfo(
        id="mistral-embed-2312",
        usd_per_mtok_input=0.1,
        usd_per_mtok_output=0.0,  # an embedding has no output tokens, so nothing is billed for them
        source=f"{_CARDS}/mistral-embed-23-12.ts @0a5d2839",
        as_of="2026-03-16",
        max_input_tokens=8_000,
    ),
    ModelInfo(
        id="mistral-large-2411",
        usd_per_mtok_input=2.0,
        usd_per_mtok_output=6.0,
        source=f"{_CARDS}/mistral-large-2-1-24-11.ts @19c578bb; retirement: docs.embabel.com, MistralAiModels",
        as_of="2026-05-31",
        max_input_tokens=128_000,
        retires=date(2026, 5, 31),
        replacement="mistral-large-2512",
    ),
)
