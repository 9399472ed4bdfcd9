"""What the account and the region say about instances and images, before anything is started. Quotas are elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator

from botocore.exceptions import ClientError

from llmstrat_iac.components.ec2.cluster_preflight import check_cluster
from llmstrat_iac.components.ec2.egress import serving_image
from llmstrat_iac.components.ec2.images import AMI_PARAMETER, is_private
from llmstrat_iac.components.leftovers import pages
from llmstrat_iac.components.sagemaker.preflight import check_image
from llmstrat_iac.components.sagemaker.roles import parse_image
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.target import Target


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Yield whether the instance types are offered, and whether the machine images exist."""
    open_model, pretraining = resolved.open_model, resolved.pretraining
    # What fits nowhere is an error of the plan.
    if pretraining is not None and pretraining.runtime.name == "ec2" and pretraining.search.best is not None:
        yield from check_cluster(pretraining, session, now=Target.from_environment(os.environ).now())
        yield from _check_image("cluster", pretraining.options.ami, pretraining.region, session)
    if open_model is None:
        return
    for path, part in (("training", open_model.training), ("serving", open_model.serving)):
        if part is not None and part.runtime.name == "ec2" and part.choice.best is not None:
            yield _check_offering(path, part, session)
            yield from _check_image(path, part.options.ami, part.region, session)
            yield from _check_container(path, part, session)


def _check_container(path: str, part: ResolvedTraining | ResolvedServing, session: AwsSession) -> Iterator[Finding]:
    """Of a private registry only: nobody needs AWS to ask a public one, and the default there is pinned."""
    image = serving_image(part) if isinstance(part, ResolvedServing) else str(part.options.image)
    if is_private(image):
        yield from check_image(f"{path}.options.image", parse_image(image), session, rule="aws.ec2.container")


def _check_offering(path: str, part: ResolvedTraining | ResolvedServing, session: AwsSession) -> Finding:
    name = part.placement.instance.name
    client = session.client("ec2")
    filters = [{"Name": "instance-type", "Values": [name]}]
    offered = pages(
        client,
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=filters,
    )
    zones = sorted(each["Location"] for each in offered)
    if zones:
        return Finding(
            "aws.ec2.offering", Severity.INFO, f"{path}.instance", f"{name} is offered in {', '.join(zones)}"
        )
    return Finding(
        "aws.ec2.offering",
        Severity.ERROR,
        f"{path}.instance",
        f"{name} is offered in no zone of {part.region}",
        reason="EC2 has each GPU type in some regions only, and there in some zones",
        remedy="`llmstrat plan` lists the runners-up: name one as `instance`, or take another region",
    )


def _check_image(path: str, ami: str | None, region: str, session: AwsSession) -> Iterator[Finding]:
    try:
        if ami is None:
            session.client("ssm").get_parameter(Name=AMI_PARAMETER)
            return
        images = session.client("ec2").describe_images(ImageIds=[ami])["Images"]
        if images and images[0]["State"] == "available":
            return
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ParameterNotFound", "InvalidAMIID.NotFound"):
            raise
    yield Finding(
        "aws.ec2.image",
        Severity.ERROR,
        f"{path}.options.ami",
        f"the machine image `{ami}` isn't available here" if ami else f"no image at `{AMI_PARAMETER}`",
        reason="images are a region's own",
        remedy=f"give an Ubuntu deep-learning AMI of {region} as `{path}.options.ami`",
    )
