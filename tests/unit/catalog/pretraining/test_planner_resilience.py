"""Checkpoints and failures: sizes, Young's interval, what is lost, and what a run without checkpoints comes to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from run_kit import plan, run

from llmstrat_iac.catalog.pretraining.resilience import GPU_HOURS_BETWEEN_FAILURES, checkpointing, duration

DAY = 86_400.0


def test_the_failure_rate_is_that_of_llama_3() -> None:
    """419 unexpected interruptions on 16,384 GPUs in 54 days (arXiv:2407.21783 table 5)."""
    assert GPU_HOURS_BETWEEN_FAILURES.likely == pytest.approx(16_384 * 54 * 24 / 419, rel=0.01)


def test_a_checkpoint_is_twelve_bytes_a_parameter() -> None:
    saving = checkpointing(12 * 8 * 10**9, nodes=8, gpus=64, step_seconds=10, storage_gb_s=4, every_steps=100)
    assert saving.gib == pytest.approx(96e9 / 2**30)
    assert saving.write_seconds == pytest.approx(24)
    assert saving.steps == 100


def test_more_gpus_save_more_often() -> None:
    few = checkpointing(12 * 70 * 10**9, nodes=16, gpus=128, step_seconds=10, storage_gb_s=20, every_steps=None)
    many = checkpointing(12 * 70 * 10**9, nodes=2048, gpus=16_384, step_seconds=10, storage_gb_s=2000, every_steps=None)
    assert many.steps < few.steps


def test_a_slow_file_system_is_not_asked_for_the_next_before_the_last_is_written() -> None:
    slow = checkpointing(12 * 70 * 10**9, nodes=16, gpus=128, step_seconds=10, storage_gb_s=0.2, every_steps=None)
    assert slow.steps * 10 > slow.write_seconds


def test_the_chosen_interval_is_better_than_rarer_and_more_frequent_ones() -> None:
    asked = run("llama-70b", batch_sequences=1024)
    often, chosen, rarely = (
        plan(replace(asked, checkpoint_steps=steps), nodes=64, storage_gb_s=50) for steps in (1, None, 20_000)
    )
    assert often.lost_days.likely < chosen.lost_days.likely < rarely.lost_days.likely
    assert chosen.days.likely < min(often.days.likely, rarely.days.likely)


def test_without_checkpoints_a_long_run_hardly_ends() -> None:
    """Expected time until a whole run passes without a failure: m (e^(t/m) - 1)."""
    training = 30 * DAY
    alone = duration(training, 10, None, gpus=8, which="likely")
    assert alone.seconds == pytest.approx(training, rel=0.15)
    crowd = duration(training, 10, None, gpus=1024, which="likely")
    assert crowd.seconds > 1000 * training
    kept = plan(run(), nodes=64).days.likely
    assert plan(replace(run(), checkpoints=False), nodes=64).days.likely > kept
