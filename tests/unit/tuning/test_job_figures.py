"""What a job has measured, as people read it."""

from __future__ import annotations

from llmstrat_iac.tuning.jobs import in_words


def test_large_figures_keep_their_digits_and_the_loss_is_said_once() -> None:
    metrics = {"tokens_per_second": 1_483_758.4, "training_loss": 2.31771, "loss": 2.31771, "nodes": 64.0}
    assert in_words(metrics) == ["tokens per second 1,483,758", "training loss 2.318", "nodes 64"]
    assert in_words({"loss": 0.5}) == ["loss 0.5"]
