"""The table of docs/from-scratch.md: BloombergGPT's paper beside the plan of the example.

`python tests/functional/test_bloomberg.py` writes it anew: read the diff before you commit it.
"""

from __future__ import annotations

import re
from pathlib import Path

from llmstrat_iac.catalog.pretraining.contract import Span
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.strategies.from_scratch.run_plan import RunPlan
from llmstrat_iac.strategies.from_scratch.run_sizing import dollars, duration, in_words, spread

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "from-scratch.md"
EXAMPLE = ROOT / "examples" / "from-scratch" / "bloomberggpt" / "spec.yaml"
BEGIN, END = "<!-- bloomberg-example: begin -->", "<!-- bloomberg-example: end -->"
RECOMPUTED = 4 / 3
"""The paper's operations count the forward pass that is done again: 8 N a token instead of 6 N."""
PAPER_DAYS, PAPER_STEP_SECONDS, PAPER_TFLOPS = 53, 32.5, 102
"""arXiv:2303.17564 sections 3.4 and 4."""


def run() -> RunPlan:
    """The example's run."""
    pretraining = load_spec(EXAMPLE).pretraining
    assert pretraining is not None
    assert pretraining.runtime.plan_cluster is not None
    return RunPlan(pretraining, pretraining.runtime.plan_cluster(pretraining).costs)


def step_seconds(one: RunPlan) -> Span:
    """Of an optimizer step, while it trains."""
    trainer, speed = one.pretraining.trainer, one.plan.tokens_per_second
    tokens = trainer.batch_sequences * trainer.sequence_length
    return Span(tokens / speed.high, tokens / speed.likely, tokens / speed.low)


def table(one: RunPlan) -> str:
    """As the page has it."""
    plan, seconds = one.plan, step_seconds(one)
    hardware = Span(
        *(each * RECOMPUTED for each in (plan.tflops_per_gpu.low, plan.tflops_per_gpu.likely, plan.tflops_per_gpu.high))
    )
    usd = one.usd
    assert usd is not None
    rows = [
        ("", "the paper", "the example's plan"),
        ("---", "---", "---"),
        ("parameters", "50.6 billion", in_words(one.pretraining.architecture.parameters)),
        ("steps", "139,200, the first 7,200 of half the size", f"{one.pretraining.steps:,}"),
        ("seconds a step", f"{PAPER_STEP_SECONDS}", f"{spread(seconds)}, likely {seconds.likely:.0f}"),
        (
            "TFLOP/s a GPU, recomputation counted",
            f"{PAPER_TFLOPS}",
            f"{spread(hardware)}, likely {hardware.likely:.0f}",
        ),
        ("days", f"about {PAPER_DAYS}", f"{duration(plan.days)}, likely {plan.days.likely:.0f}"),
        ("cost", "not said", f"{dollars(usd)} at today's list price of the instances"),
    ]
    return "\n".join(f"| {' | '.join(row)} |" if row[0] != "---" else "|---|---|---|" for row in rows)


def filled(text: str, content: str) -> str:
    """The page with the table between its markers."""
    return re.sub(f"{BEGIN}.*?{END}", f"{BEGIN}\n{content}\n{END}", text, flags=re.DOTALL)


def test_the_page_compares_what_the_plan_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == filled(text, table(run())), "to accept: python tests/functional/test_bloomberg.py"


def test_the_paper_is_within_the_plans_range() -> None:
    """Of the published run, days and speed: the plan is of a kernel of today, so that its likely figures are faster."""
    one = run()
    assert one.plan.days.low < PAPER_DAYS < one.plan.days.high
    assert PAPER_DAYS * 0.75 < one.plan.days.likely < PAPER_DAYS * 1.25
    assert 0.7 < step_seconds(one).likely / PAPER_STEP_SECONDS < 1.1
    assert 0.9 < one.plan.tflops_per_gpu.likely * RECOMPUTED / PAPER_TFLOPS < 1.5


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), table(run())), encoding="utf-8")
