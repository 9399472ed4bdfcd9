"""What SageMaker refuses, or does silently wrong, known before anything is created. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.sizing.contract import Choice
from llmstrat_iac.components.sagemaker.schedule import aws_cron
from llmstrat_iac.components.sagemaker.shape import check_cuda
from llmstrat_iac.open_model.contract import ResolvedServing, ResolvedTraining
from llmstrat_iac.plan import Finding, Severity

MAX_RUNTIME_SECONDS = 28 * 86_400
"""SageMaker's API: StoppingCondition.MaxRuntimeInSeconds."""
QUOTA_RUNTIME_SECONDS = 432_000
"""Default of the quota "Longest run time for a training job", L-33A961FD: five days."""
MAX_ADAPTERS = 5
"""SageMaker's API: ContainerDefinition.AdditionalModelDataSources."""
NOT_TRAINING = frozenset({"g4dn.metal", "gr6.4xlarge", "gr6.8xlarge"})
NOT_SERVING = NOT_TRAINING | {"p3dn.24xlarge"}
"""Of the catalogue's types, what SageMaker's API doesn't list; a test compares them with botocore's enumerations."""
_NOTES = (
    Finding(
        "sagemaker.timeout",
        Severity.INFO,
        "serving.runtime",
        "an answer that isn't streamed must be complete within 60 seconds, a streamed one within 8 minutes",
        reason="limits of InvokeEndpoint and InvokeEndpointWithResponseStream",
        remedy="stream long answers, or use `runtime: ec2`",
    ),
    Finding(
        "sagemaker.update",
        Severity.INFO,
        "serving.replicas",
        "a change of the endpoint needs its instances twice for a while",
        reason="SageMaker starts the new ones before it stops the old ones, so that no call is lost",
        remedy="have a quota of twice `replicas.max`, or `llmstrat pause` before such a change",
    ),
)


def offers(instance: str, use: str) -> bool:
    """Whether SageMaker has EC2's instance type for `training` or `serving`."""
    return instance not in (NOT_SERVING if use == "serving" else NOT_TRAINING)


def check_training(training: ResolvedTraining) -> Iterator[Finding]:
    """Duration and instance type."""
    yield from _check_duration(training)
    yield from _check_type(training.choice, "training")


def check_serving(serving: ResolvedServing, image: str) -> Iterator[Finding]:
    """CUDA, instance type, replicas, hours and adapters."""
    yield from check_cuda(image, serving.options.inference_ami)
    yield from _check_type(serving.choice, "serving")
    yield from _check_zero(serving)
    yield from _check_hours(serving)
    yield from _check_adapters(serving)
    yield from _NOTES


def _check_duration(training: ResolvedTraining) -> Iterator[Finding]:
    path, duration = "training.max_duration", training.block.max_duration.duration
    if duration is None or duration.total_seconds() > MAX_RUNTIME_SECONDS:
        yield Finding(
            "sagemaker.duration",
            Severity.ERROR,
            path,
            f"`{training.block.max_duration}` is longer than SageMaker lets a job run: 28 days",
            reason="a job without an end bills on",
            remedy=f"set `{path}` to `5d` or less",
        )
    elif duration.total_seconds() > QUOTA_RUNTIME_SECONDS:
        yield Finding(
            "sagemaker.duration",
            Severity.WARNING,
            path,
            f"`{training.block.max_duration}` is longer than the usual quota of five days",
            reason="SageMaker refuses the job unless the account's quota L-33A961FD has been raised",
            remedy="raise the quota, or set `5d` or less",
        )


def _check_type(choice: Choice, part: str) -> Iterator[Finding]:
    best = choice.best
    if best is not None and not offers(best.instance.name, part):
        yield Finding(
            "sagemaker.instance",
            Severity.ERROR,
            f"{part}.instance",
            f"SageMaker has no `ml.{best.instance.name}` for {part}",
            reason="not every EC2 type is offered by SageMaker",
            remedy=f"name another in `{part}.instance`, or use `runtime: ec2`",
        )


def _check_zero(serving: ResolvedServing) -> Iterator[Finding]:
    block = serving.block
    if serving.options.scale_to_zero:
        return
    wanting = [("replicas.min", block.replicas.min == 0), ("hours", block.hours is not None)]
    for key, wants in wanting:
        if wants:
            yield Finding(
                "sagemaker.zero",
                Severity.ERROR,
                f"serving.{key}",
                f"`{key}` asks for no instances at times, which a plain endpoint can't have",
                reason="only inference components scale to zero",
                remedy="set `serving.options.scale_to_zero: true`; calls then fail for minutes while it wakes up",
            )


def _check_hours(serving: ResolvedServing) -> Iterator[Finding]:
    hours = serving.block.hours
    if hours is None:
        return
    for key, cron in (("start", hours.start), ("stop", hours.stop)):
        try:
            aws_cron(cron)
        except ValueError as error:
            yield Finding("sagemaker.hours", Severity.ERROR, f"serving.hours.{key}", str(error), remedy="simplify it")


def _check_adapters(serving: ResolvedServing) -> Iterator[Finding]:
    tuned = 1 if serving.training is not None and serving.training.makes_adapter else 0
    count = len(serving.block.adapters) + tuned
    if count > MAX_ADAPTERS:
        yield Finding(
            "sagemaker.adapters",
            Severity.ERROR,
            "serving.adapters",
            f"{count} adapters, a SageMaker model takes {MAX_ADAPTERS}",
            reason="each is a data source of its own, the tuned model's adapter included",
            remedy="serve fewer, or use `runtime: ec2`",
        )
