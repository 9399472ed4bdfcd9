"""The table of vendors, and reserved words and tokens."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from dataset_kit import rules_for

from llmstrat_iac.datasets.findings import DatasetError
from llmstrat_iac.datasets.reserved import ReservedWords
from llmstrat_iac.datasets.rules import Method, find_rules
from llmstrat_iac.datasets.tokens import TokenCounter, TokenMeter, estimate_tokens, token_counter, training_usd
from llmstrat_iac.datasets.vendors import VENDOR_RULES


def test_the_first_matching_record_counts() -> None:
    nova2 = find_rules(VENDOR_RULES, "bedrock", "amazon.nova-2-lite-v1:0:256k", Method.SUPERVISED)
    nova = find_rules(VENDOR_RULES, "bedrock", "amazon.nova-micro-v1:0:128k", Method.SUPERVISED)
    assert nova2.min_examples is not None
    assert nova.min_examples is not None
    assert (nova2.min_examples.value, nova.min_examples.value) == (200, 8)


def test_a_plugin_adds_its_own_records() -> None:
    mine = replace(rules_for("openai"), name="mistral", models="*")
    assert find_rules((*VENDOR_RULES, mine), "mistral", "mistral-small", Method.SUPERVISED) is mine


@pytest.mark.parametrize(
    ("vendor", "model", "method", "message", "remedy"),
    [
        ("openia", None, "supervised", "no training format", "did you mean `openai`"),
        ("x", None, "supervised", "no training format", "choose one of: bedrock, gemini, openai, sagemaker"),
        ("bedrock", "ai21.jamba", "supervised", "no tunable model `ai21.jamba`", "amazon.nova-"),
        ("bedrock", "amazon.nova-lite-v1:0", "preference", "can't be tuned by preference", "it takes: supervised"),
    ],
)
def test_an_unknown_target_lists_the_choices(
    vendor: str, model: str | None, method: str, message: str, remedy: str
) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        find_rules(VENDOR_RULES, vendor, model, Method(method))
    assert remedy in str(caught.value.remedy)


def test_every_limit_and_format_names_its_source() -> None:
    for rules in VENDOR_RULES:
        limits = [value for value in vars(rules).values() if hasattr(value, "source")]
        assert all(limit.source and limit.value > 0 for limit in limits)
        assert rules.source


def test_no_accepted_spelling_is_itself_reserved() -> None:
    words = ReservedWords(word for word, _ in rules_for("bedrock").reserved_words)
    for _, spelling in rules_for("bedrock").reserved_words:
        assert words.find(spelling) == []


@pytest.mark.parametrize("seed", range(50))
def test_the_fast_search_for_words_agrees_with_the_plain_one(seed: int) -> None:
    source = random.Random(seed)
    words = ReservedWords(("User:", "Bot:", "[EOS]", "<unk>", "a-b"))
    pieces = ["user:", "USER", ":", "bot:", "[eos]", "[", "eos]", "<unk>", "<un", "a-b", "-b", " ", "é", "日", "\n"]
    text = "".join(source.choice(pieces) for _ in range(source.randint(0, 6)))
    assert words.within(text.encode()) is bool(words.find(text))


def test_tokens_of_the_vendors_own_tokenizer() -> None:
    counter = token_counter("o200k_base")
    assert counter.exact
    assert counter.count(["hello world", ""]) == 2


def test_tokens_of_another_tokenizer_are_an_estimate() -> None:
    counter = token_counter(None)
    assert not counter.exact
    assert counter.basis.startswith("estimate: ")


def test_the_rule_of_thumb_counts_bytes() -> None:
    assert estimate_tokens(["abcdefgh", "日本語"]) == (8 + 9) // 4


def test_an_estimate_of_a_large_file_is_scaled_up_from_a_part() -> None:
    counted: list[int] = []

    def count(texts: list[str]) -> int:
        counted.append(len(texts))
        return sum(map(len, texts))

    meter = TokenMeter(TokenCounter("a test", False, count))
    for _ in range(80):
        meter.add(["x" * 60, "y" * 40], 102)
    assert len(counted) == 17
    assert meter.total == 80 * 100 + 80 * 2 * 4


def test_an_unknown_price_gives_an_unknown_cost() -> None:
    assert training_usd(1_000_000, 3, None) is None
    assert training_usd(1_000_000, 3, 8.0) == 24.0
