"""What speaks against the model, its data and its batch, whatever the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.open_models import find_model
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.spec.units import written_tokens

_GOOD_EPOCHS = 4
"""Repeating text up to about four times is nearly as good as new text (arXiv:2305.16264)."""


def check_model(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    """Yield what no cluster could mend."""
    yield from pretraining.framework.check(pretraining)
    yield from _heads(pretraining)
    yield from _length(pretraining)
    yield from _corpus(pretraining)
    yield from _vocabulary(pretraining)


def _heads(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    block, shape = pretraining.shape.shape, pretraining.architecture
    heads, width = shape.attention_heads, shape.hidden_size
    if block is not None and block.head_dim is None and width % heads:
        yield Finding(
            rule="heads-dont-divide",
            severity=Severity.ERROR,
            path="architecture.shape.attention_heads",
            message=f"{heads} heads don't divide a hidden size of {width:,}: each would be {width / heads:.2f} wide",
            reason="each head has the same whole number of dimensions",
            remedy=f"take {_or(_near_divisors(width, heads))} heads, or say `head_dim`",
        )
    if heads % shape.kv_heads:
        yield Finding(
            rule="heads-dont-divide",
            severity=Severity.ERROR,
            path="architecture.shape.kv_heads",
            message=f"{shape.kv_heads} key and value heads don't divide {heads} query heads",
            reason="each key and value head serves the same number of query heads",
            remedy=f"take {_or(_near_divisors(heads, shape.kv_heads))}",
        )


def _length(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    asked, limit = pretraining.trainer.sequence_length, pretraining.architecture.max_context
    if asked > limit:
        yield Finding(
            rule="length-beyond-model",
            severity=Severity.ERROR,
            path="trainer.sequence_length",
            message=f"sequences of {asked:,} tokens are longer than the model's context of {limit:,}",
            reason="there are no positions beyond it",
            remedy=f"set `sequence_length: {limit}` or less, or a larger `max_context`",
        )


def _corpus(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    corpus, budget = pretraining.corpus.tokens, pretraining.tokens
    epochs, allowed = budget / corpus, pretraining.trainer.epochs_allowed
    if epochs > 1 and not allowed:
        yield Finding(
            rule="corpus-too-small",
            severity=Severity.ERROR,
            path="trainer.tokens",
            message=f"{written_tokens(budget)} tokens are to be trained on, {epochs:.1f} times the corpus's "
            f"{written_tokens(corpus)}",
            reason="the run would see every document again and again, which must be said",
            remedy=f"set `tokens: {written_tokens(corpus)}` or less, add text, or set `epochs_allowed: true`",
        )
    elif epochs > _GOOD_EPOCHS:
        yield Finding(
            rule="corpus-repeated",
            severity=Severity.WARNING,
            path="trainer.tokens",
            message=f"the corpus is repeated {epochs:.1f} times",
            reason=f"beyond about {_GOOD_EPOCHS} times, repeated text teaches little (arXiv:2305.16264)",
            remedy="add text, or train on less",
        )


def _vocabulary(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    source, size = pretraining.tokenizer.source, pretraining.architecture.vocab_size
    known = find_model(source)
    if known is None:
        yield Finding(
            rule="tokenizer-unknown",
            severity=Severity.INFO,
            path="tokenizer.source",
            message=f"nobody has compared the vocabulary of `{source}` with the model's {size:,} entries",
            reason="a token beyond the vocabulary has no embedding, and stops the run",
            remedy="`vocab_size` must be the tokenizer's number of tokens or more",
        )
    elif known.architecture.vocab_size > size:
        needed = known.architecture.vocab_size
        yield Finding(
            rule="vocabulary-too-small",
            severity=Severity.ERROR,
            path="tokenizer.source",
            message=f"`{source}` has {needed:,} tokens, and the model's vocabulary {size:,} entries",
            reason="a token beyond the vocabulary has no embedding, and stops the run",
            remedy=f"set `vocab_size: {needed}`, or use a smaller tokenizer",
        )
    if known is not None and known.gated and pretraining.tokenizer.token is None:
        yield Finding(
            rule="gated-without-token",
            severity=Severity.ERROR,
            path="tokenizer.token",
            message=f"`{source}` is gated, and there is no token",
            reason="the hub would answer 401 to every node",
            remedy=f"ask for access at https://huggingface.co/{source}; add `token: {{secret: env:HF_TOKEN}}`, "
            "or copy the tokenizer to S3",
        )


def _near_divisors(number: int, wanted: int) -> list[int]:
    """The divisor below and the one above what was wanted."""
    divisors = [each for each in range(1, number + 1) if number % each == 0]
    return [*[each for each in divisors if each < wanted][-1:], *[each for each in divisors if each > wanted][:1]]


def _or(choices: list[int]) -> str:
    return " or ".join(str(each) for each in choices)
