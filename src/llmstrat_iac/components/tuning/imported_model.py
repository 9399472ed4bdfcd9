"""A tuned open-weight model in Bedrock: Custom Model Import, which the AWS provider has no resource for.

A dynamic resource: imported by the provider's process, so it imports pulumi and, when it runs, boto3 only. Bedrock
copies the weights, bills for keeping them, and for serving them only while somebody calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi import dynamic

from llmstrat_iac.components.tuning.patience import pauses

_INPUTS = ("model_name", "source", "region")
PATIENCE_SECONDS = 3600.0


def import_model(
    client: Any,
    *,
    name: str,
    source: str,
    role_arn: str,
    tags: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Import the weights below an S3 prefix, or adopt what an interrupted `up` has begun; returns the model's ARN."""
    found = find_model(client, name)
    if found is not None:
        return found
    job = _running_import(client, name) or _start(client, name, source, role_arn, tags)
    for pause in pauses(PATIENCE_SECONDS):
        state = client.get_model_import_job(jobIdentifier=job)
        if state["status"] == "Completed":
            return str(state["importedModelArn"])
        if state["status"] == "Failed":
            reason = state.get("failureMessage", "no reason given")
            raise RuntimeError(f"Bedrock can't import the tuned model from {source}: {reason}")
        sleep(pause)
    raise RuntimeError(f"the import {job} isn't over after {PATIENCE_SECONDS / 60:.0f} minutes")


def find_model(client: Any, name: str) -> str | None:
    """The ARN of the imported model of this name, or None."""
    for page in client.get_paginator("list_imported_models").paginate(nameContains=name):
        for model in page.get("modelSummaries") or ():
            if model["modelName"] == name:
                return str(model["modelArn"])
    return None


def _running_import(client: Any, name: str) -> str | None:
    listed = client.list_model_import_jobs(nameContains=name, statusEquals="InProgress")
    return next((str(job["jobArn"]) for job in listed.get("modelImportJobSummaries") or ()), None)


def _start(client: Any, name: str, source: str, role_arn: str, tags: Mapping[str, str]) -> str:
    pairs = [{"key": key, "value": value} for key, value in sorted(tags.items())]
    answer = client.create_model_import_job(
        # Names of jobs that are over stay taken: the time tells a second try from the first.
        jobName=f"{name[:52]}-{int(time.time())}",
        importedModelName=name,
        roleArn=role_arn,
        modelDataSource={"s3DataSource": {"s3Uri": source}},
        jobTags=pairs,
        importedModelTags=pairs,
    )
    return str(answer["jobArn"])


class ImportedModelProvider(dynamic.ResourceProvider):
    """Reaches AWS by the environment's credentials and endpoint."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        arn = import_model(
            _client(props),
            name=props["model_name"],
            source=props["source"],
            role_arn=props["role_arn"],
            tags=props.get("tags") or {},
        )
        return dynamic.CreateResult(arn, {**props, "arn": arn})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        changed = [name for name in _INPUTS if olds.get(name) != news.get(name)]
        return dynamic.DiffResult(changes=bool(changed), replaces=changed, delete_before_replace=True)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        found = find_model(_client(props), props["model_name"])
        return dynamic.ReadResult(id_, props) if found == id_ else dynamic.ReadResult(None, {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        client = _client(_props)
        if find_model(client, _props["model_name"]) == _id:
            client.delete_imported_model(modelIdentifier=_id)


def _client(props: Mapping[str, Any]) -> Any:
    import boto3

    return boto3.client("bedrock", region_name=props["region"])


_PROVIDER = ImportedModelProvider()


class ImportedModel(dynamic.Resource, module="llmstrat", name="ImportedModel"):
    """Weights that Bedrock serves, called by the model's ARN."""

    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        model_name: str,
        source: str,
        role_arn: pulumi.Input[str],
        region: str,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "model_name": model_name,
            "source": source,
            "role_arn": role_arn,
            "region": region,
            "tags": dict(tags),
        }
        super().__init__(_PROVIDER, name, {**inputs, "arn": None}, opts)
