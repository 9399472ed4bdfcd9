"""Brings what an endpoint serves into S3, in SageMaker's form of a model's data.

What comes from the hub is copied into the stack's bucket first. A container's environment is plain text to anybody who
may describe the model, so it can't be given a token; and with its weights in S3 it needs no network at all, starts
without the hub, and finds room for them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from llmstrat_iac.catalog.sagemaker_images import COPYING
from llmstrat_iac.components.policies import Account
from llmstrat_iac.components.sagemaker import hub_download
from llmstrat_iac.components.sagemaker.container import channels
from llmstrat_iac.components.sagemaker.hub_copy import HubCopy
from llmstrat_iac.components.sagemaker.images import resolve
from llmstrat_iac.components.sagemaker.names import TRAINING_LOG, SageMakerNames
from llmstrat_iac.components.sagemaker.roles import create_container_role, read_secret, write_objects
from llmstrat_iac.components.stack_provider import stack_tags
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.open_model import ResolvedServing, Weights

FOLDER = "hub/"
"""Of copied models, in the stack's bucket."""
_BASE = "model"
_VOLUME_GB = 100
"""Room for other files and the system, beside the weights."""
_SIXTEEN_BIT = 2


@dataclass(frozen=True)
class Source:
    """An `s3://` prefix, or a repository of the hub at a commit and the folder that it is copied into."""

    id: str
    revision: str | None
    folder: str

    @property
    def on_hub(self) -> bool:
        """Whether it has to be copied first."""
        return not self.id.startswith("s3://")


@dataclass(frozen=True)
class Placed:
    """Where in S3 the weights are: a prefix each, with a slash behind it."""

    model: pulumi.Input[str]
    adapters: dict[str, pulumi.Input[str]]
    """By the name of the data source."""
    own: bool
    """Whether anything is in the stack's own copies."""


def place(
    context: ProgramContext,
    serving: ResolvedServing,
    weights: Weights,
    workspace: Workspace,
    account: Account,
    opts: pulumi.ResourceOptions,
) -> Placed:
    """Copy what is on the hub, and say where everything is."""
    base, *adapters = _sources(weights)
    wanted = [each for each in (base, *adapters) if each.on_hub]
    copied = _copy(context, serving, wanted, workspace, account, opts) if wanted else None

    def where(source: Source) -> pulumi.Input[str]:
        if source.on_hub and copied is not None:
            return pulumi.Output.concat(copied, source.folder, "/")
        return source.id.rstrip("/") + "/"

    return Placed(where(base), {each.folder: where(each) for each in adapters}, copied is not None)


def _sources(weights: Weights) -> list[Source]:
    """The base, then the adapters in their channels' order."""
    names = channels(weights)
    adapters = [Source(each.source, each.revision, names[each.served_name]) for each in weights.adapters]
    return [Source(weights.model, weights.revision, _BASE), *adapters]


def _copy(
    context: ProgramContext,
    serving: ResolvedServing,
    wanted: Sequence[Source],
    workspace: Workspace,
    account: Account,
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    names = SageMakerNames(serving.stack_name)
    models = [{"id": each.id, "revision": each.revision, "folder": each.folder} for each in wanted]
    # The same models are the same folder: one that is served is never written to.
    folder = f"{FOLDER}{names.versioned(models).rpartition('-')[2]}/"
    image = resolve(COPYING, serving.region)
    token = workspace.model_token
    role, policy = create_container_role(
        "hub-copy",
        name=names.copy_role,
        path=names.role_path,
        description="Lets jobs of this stack copy models from the hub into its bucket",
        account=account,
        image=image,
        log=TRAINING_LOG,
        statements=[
            *write_objects(workspace.bucket.arn, FOLDER),
            *([] if token is None else [read_secret(token)]),
        ],
        opts=opts,
    )
    inputs = {
        "models": json.dumps(models),
        "job_name": f"{names.copy_jobs}-{folder.split('/')[1]}",
        "bucket": workspace.bucket.bucket,
        "region": serving.region,
        "folder": workspace.uri(folder),
        "role_arn": role.arn,
        "image": image,
        "token_secret": token,
        "volume_gb": _VOLUME_GB + int(serving.model.known.architecture.parameters * _SIXTEEN_BIT / 1e9),
        "tags": stack_tags(context),
    }
    files = _upload(workspace, folder, {"models": models}, opts)
    needed = pulumi.ResourceOptions(depends_on=[policy, *files])
    return HubCopy("hub-copy", inputs, pulumi.ResourceOptions.merge(opts, needed)).output


def _upload(
    workspace: Workspace, folder: str, plan: dict[str, object], opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=workspace.ready))
    script = Path(hub_download.__file__).read_text(encoding="utf-8")
    contents = {"hub_download.py": script, "copy.json": json.dumps(plan, indent=2)}
    return [
        aws.s3.BucketObjectv2(
            f"hub-copy-{name.partition('.')[0].replace('_', '-')}",
            aws.s3.BucketObjectv2Args(bucket=workspace.bucket.bucket, key=f"{folder}code/{name}", content=content),
            opts=opts,
        )
        for name, content in contents.items()
    ]
