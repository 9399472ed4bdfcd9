"""What may be left of a SageMaker customization, what bills first: found by name and tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.leftovers import Finder, Found, belongs, pages
from llmstrat_iac.components.sagemaker.job_leftovers import job_finder
from llmstrat_iac.components.tuning.bucket_leftovers import bucket_finder
from llmstrat_iac.components.tuning.names import TAG_RETAINED
from llmstrat_iac.hookspecs import AwsSession, Leftover


def sweep(stack_name: str, session: AwsSession, *, remove: bool) -> Iterable[Leftover]:
    """Find what is left; what was to be retained isn't a leftover."""
    finders = [
        job_finder(stack_name, session),
        Finder("bedrock imported model", partial(_models, stack_name, session)),
        Finder("sagemaker model package group", partial(_groups, stack_name, session)),
        bucket_finder(stack_name, session, infix="sagemaker"),
    ]
    return leftovers.sweep(finders, remove=remove)


def _models(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("bedrock")
    for one in pages(client, "list_imported_models", "modelSummaries", nameContains=stack_name):
        arn = one["modelArn"]
        tags = client.list_tags_for_resource(resourceARN=arn).get("tags") or ()
        if belongs(tags, stack_name) and all(tag["key"] != TAG_RETAINED for tag in tags):
            remove = partial(client.delete_imported_model, modelIdentifier=arn)
            yield Found("bedrock imported model", arn, one["modelName"], billed=True, remove=remove)


def _groups(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("sagemaker")
    for one in pages(client, "list_model_package_groups", "ModelPackageGroupSummaryList", NameContains=stack_name):
        name = one["ModelPackageGroupName"]
        if _belongs(client, one["ModelPackageGroupArn"], stack_name):
            remove = partial(_remove_group, client, name)
            yield Found("sagemaker model package group", name, "with its packages", billed=False, remove=remove)


def _remove_group(client: Any, name: str) -> None:
    for package in pages(client, "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=name):
        client.delete_model_package(ModelPackageName=package["ModelPackageArn"])
    client.delete_model_package_group(ModelPackageGroupName=name)


def _belongs(client: Any, arn: str, stack_name: str) -> bool:
    """Whether it is the stack's, and wasn't to be left."""
    tags = list(pages(client, "list_tags", "Tags", ResourceArn=arn))
    return belongs(tags, stack_name) and all(tag["Key"] != TAG_RETAINED for tag in tags)
