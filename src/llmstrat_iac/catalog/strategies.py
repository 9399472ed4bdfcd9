"""The four strategies side by side: what each gives, what it asks for, and whom it suits.

The texts are judgements, not measurements. The built-in plugins take theirs from here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StrategyProfile:
    """One strategy in words. Control and complexity go from 1 (least) to 4 (most)."""

    name: str
    letter: str
    title: str
    summary: str
    control: int
    complexity: int
    fits: str
    pros: tuple[str, ...]
    cons: tuple[str, ...]
    cost_drivers: tuple[str, ...]
    example: str


CLOSED_API = StrategyProfile(
    name="closed-api",
    letter="A",
    title="Call a closed model as it is",
    summary="A gateway in front of one or more vendors' models: keys, limits, budgets and a usage log per consumer.",
    control=1,
    complexity=1,
    fits="Teams that want an answer this week, whose task a general model can do with a good prompt and retrieval.",
    pros=(
        "works within the hour; nothing to train, nothing to host",
        "the strongest models, and better ones by changing an id",
        "you pay for tokens, so an idle stack costs close to nothing",
        "changing vendor is a line in the spec, not in the applications",
    ),
    cons=(
        "prompts leave the account, unless the provider is inside it (Bedrock)",
        "the vendor decides on price, limits, behaviour and when a model retires",
        "knowledge of your domain fits into the prompt or not at all",
        "cost grows with every token, for ever",
    ),
    cost_drivers=("tokens in and out", "requests through the gateway", "time the relay waits for the model"),
    example="closed-api/one-provider.yaml",
)

CLOSED_API_TUNED = StrategyProfile(
    name="closed-api-tuned",
    letter="B",
    title="Have the vendor tune a closed model",
    summary="A managed fine-tuning job on your examples, then the tuned model behind the same gateway.",
    control=2,
    complexity=2,
    fits="Teams with hundreds to thousands of good examples of one task, and no wish to run GPUs.",
    pros=(
        "style, format and narrow tasks become reliable with shorter prompts",
        "no GPUs, drivers or capacity to look after",
        "a smaller tuned model can replace a larger general one",
    ),
    cons=(
        "the training data goes to the vendor as well",
        "the tuned model can't be taken away, and retires with its base model",
        "few base models can be tuned, and vendors withdraw the offer",
        "hosting a tuned model may cost by the hour, used or not",
    ),
    cost_drivers=("training tokens", "hosting of the tuned model", "tokens in and out"),
    example="closed-api-tuned/bedrock/spec.yaml",
)

OPEN_MODEL = StrategyProfile(
    name="open-model",
    letter="C",
    title="Tune and host an open model",
    summary="An open model such as Llama, trained on your data in your account and served by your own GPUs.",
    control=3,
    complexity=3,
    fits="Organisations whose data may not leave, or whose load keeps GPUs busy most of the day.",
    pros=(
        "data, weights and logs stay in the account",
        "the model changes when you change it, and never retires",
        "at a steady high load a token costs less than a vendor's",
    ),
    cons=(
        "GPUs bill by the hour, busy or idle, and may not be there when you ask",
        "serving, scaling, patches and evaluation are yours",
        "open models trail the best closed ones on the hardest tasks",
        "the licence of the model binds you",
    ),
    cost_drivers=("GPU hours of serving", "GPU hours of training", "storage of models and data"),
    example="open-model/llama-3.1-8b-serve/spec.yaml",
)

FROM_SCRATCH = StrategyProfile(
    name="from-scratch",
    letter="D",
    title="Train your own model",
    summary="Pre-training on a multi-node GPU cluster with a parallel file system, as BloombergGPT was made.",
    control=4,
    complexity=4,
    fits="The few with a large corpus of their own that no model has seen, a research team and a seven-figure budget.",
    pros=(
        "full control of data, architecture, tokenizer and release",
        "the model is an asset that nobody else has",
        "provenance of every training document can be shown",
    ),
    cons=(
        "millions of GPU hours' worth of money before the first answer",
        "weeks of cluster operation, in which nodes will fail",
        "general models may overtake it before it is done",
        "needs people whom everybody wants to hire",
    ),
    cost_drivers=("GPU cluster hours", "parallel file system", "data preparation and people"),
    example="from-scratch/llama-1b-two-nodes/spec.yaml",
)

STRATEGY_PROFILES = (CLOSED_API, CLOSED_API_TUNED, OPEN_MODEL, FROM_SCRATCH)
