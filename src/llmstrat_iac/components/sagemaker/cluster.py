"""Training from scratch by one `aws.sagemaker.TrainingJob` on many instances: SageMaker starts them, sets up EFA,
replaces what breaks, and stops billing when the last one is done.

As with `training.py`, the job stays registered when it is over, because its deletion deletes the only record of what
has been trained. Network, file system and files go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.catalog.sagemaker_images import TRAINING
from llmstrat_iac.components.cluster_files import cluster_prefix, upload_cluster_job
from llmstrat_iac.components.cluster_network import ClusterNetwork, ClusterNetworkArgs
from llmstrat_iac.components.cluster_storage import CORPUS, create_storage
from llmstrat_iac.components.expiry import STOP_TRAINING_JOB, StopCall, create_expiry
from llmstrat_iac.components.file_system import FileSystem
from llmstrat_iac.components.policies import Account
from llmstrat_iac.components.sagemaker.cluster_options import ClusterOptions
from llmstrat_iac.components.sagemaker.cluster_roles import job_statements, network_statements
from llmstrat_iac.components.sagemaker.images import resolve
from llmstrat_iac.components.sagemaker.job_args import FIXED, TOKEN_SECRET, container, s3_channel
from llmstrat_iac.components.sagemaker.names import JOB_URI, TRAINING_LOG, SageMakerNames
from llmstrat_iac.components.sagemaker.roles import create_container_role
from llmstrat_iac.components.sagemaker.shape import instance_name
from llmstrat_iac.components.tuning.names import TAG_JOB, job_key
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.gate_job import LIMIT
from llmstrat_iac.tuning import TuningJob, TuningState

LAUNCHER = "exec python3 /opt/ml/input/data/code/cluster_launch.py"
FILES_CHANNEL, CORPUS_CHANNEL = "files", "corpus"
_LOGICAL = "cluster"


def cluster(
    context: ProgramContext,
    pretraining: ResolvedPretraining,
    state: TuningState,
    workspace: Workspace,
    opts: pulumi.ResourceOptions,
) -> Mapping[str, Any]:
    """Register the job for the spec, started if there is none yet, and the job whose model serves until then."""
    run = _Run(context, pretraining, state, workspace, opts)
    if state.serving is not None:
        run.finished(state.serving)
    if state.current is not None and state.current.state.over:
        run.finished(state.current)
        return {"job_name": state.current.name}
    return run.job(state.current)


class _Run:
    """What the jobs of one run share."""

    def __init__(
        self,
        context: ProgramContext,
        pretraining: ResolvedPretraining,
        state: TuningState,
        workspace: Workspace,
        opts: pulumi.ResourceOptions,
    ) -> None:
        self._context, self._pretraining, self._workspace, self._opts = context, pretraining, workspace, opts
        self._key = job_key(pretraining.identity, state.attempt)
        self._name = state.current.name if state.current else pretraining.job_name(63, state.attempt)
        self._names = SageMakerNames(pretraining.stack_name)
        self._account = Account.current(pretraining.region, pulumi.InvokeOutputOptions(parent=opts.parent))
        options: ClusterOptions = pretraining.options
        self._options = options
        self._image = options.image or resolve(TRAINING, pretraining.region)
        over = state.current is not None and state.current.state.over
        self._network = None if over else self._create_network()
        self._role, self._policy = self._create_role()

    def finished(self, job: TuningJob) -> None:
        """Keep the record of a job that is over."""
        self._job(job.inputs["key"], job.name, adopted=job.name)

    def job(self, known: TuningJob | None) -> Mapping[str, Any]:
        """The job with all that it needs, until it is over; outputs that tell where to look."""
        network = self._network
        assert network is not None, "a job that isn't over has a network"
        storage = create_storage(_LOGICAL, self._names.cluster, self._pretraining, network, self._opts)
        files = upload_cluster_job(self._workspace, self._pretraining, self._key, self._opts)
        needed = [*network.ready, *files, *(storage.ready if storage else [])]
        job = self._job(self._key, self._name, network, storage, needed, adopted=known.name if known else None)
        self._end(job, storage)
        plan = self._pretraining.plan
        outputs = {"job_name": self._name, "instance_type": instance_name(plan.instance.name), "nodes": plan.nodes}
        found = {"job_uri": self._uri(self._key), "log_group": TRAINING_LOG}
        return outputs | found | ({"file_system_id": storage.file_system_id} if storage else {})

    def _job(
        self,
        key: str,
        name: str,
        network: ClusterNetwork | None = None,
        storage: FileSystem | None = None,
        needed: list[pulumi.Resource] | None = None,
        *,
        adopted: str | None,
    ) -> aws.sagemaker.TrainingJob:
        sage, options = aws.sagemaker, self._options
        arguments = sage.TrainingJobArgs(
            training_job_name=name,
            role_arn=self._role.arn,
            algorithm_specification=container(self._image, LAUNCHER, {}),
            input_data_configs=self._channels(key, storage),
            output_data_config=sage.TrainingJobOutputDataConfigArgs(
                s3_output_path=self._workspace.uri(f"{cluster_prefix(key)}sagemaker/"), compression_type="NONE"
            ),
            resource_config=self._resources(),
            retry_strategy=sage.TrainingJobRetryStrategyArgs(maximum_retry_attempts=options.retries)
            if options.retries
            else None,
            stopping_condition=self._limits(),
            enable_managed_spot_training=self._pretraining.cluster.capacity == "spot",
            enable_inter_container_traffic_encryption=options.encrypt_traffic,
            environment=self._environment(key, storage),
            # The launcher copies complete checkpoints to S3, and only what it needs from there. SageMaker's own
            # copying (`checkpoint_config`) knows neither, and would bring all of them to each node before the start.
            vpc_config=None
            if network is None
            else sage.TrainingJobVpcConfigArgs(
                subnets=[network.subnet_id], security_group_ids=[network.security_group_id]
            ),
            # SageMaker takes its interfaces away some minutes after a job; until then the subnet can't go.
            delete_vpc_enis_on_destroy=True,
            tags={TAG_JOB: key},
        )
        more = pulumi.ResourceOptions(depends_on=[*(needed or []), self._policy], import_=adopted, ignore_changes=FIXED)
        return sage.TrainingJob(f"training-{key}", arguments, opts=pulumi.ResourceOptions.merge(self._opts, more))

    def _uri(self, key: str) -> pulumi.Output[str]:
        return self._workspace.uri(cluster_prefix(key).rstrip("/"))

    def _environment(self, key: str, storage: FileSystem | None) -> dict[str, pulumi.Input[str]]:
        """Never a secret itself: `DescribeTrainingJob` shows it."""
        token = self._workspace.model_token
        variables: dict[str, pulumi.Input[str]] = {
            "AWS_REGION": self._pretraining.region,
            "AWS_DEFAULT_REGION": self._pretraining.region,
            "LLMSTRAT_INSTALL": "1",
            JOB_URI: self._uri(key),
            **places(shared=storage is not None),
        }
        return variables if token is None else {**variables, TOKEN_SECRET: token}

    def _channels(self, key: str, storage: FileSystem | None) -> list[aws.sagemaker.TrainingJobInputDataConfigArgs]:
        code = s3_channel("code", self._workspace.uri(f"{cluster_prefix(key)}code/"))
        if storage is not None:
            return [code, _file_channel(storage)]
        return [code, s3_channel(CORPUS_CHANNEL, self._pretraining.corpus.source, "FastFile")]

    def _resources(self) -> aws.sagemaker.TrainingJobResourceConfigArgs:
        plan, cluster = self._pretraining.plan, self._pretraining.cluster
        return aws.sagemaker.TrainingJobResourceConfigArgs(
            instance_type=instance_name(plan.instance.name),
            instance_count=plan.nodes,
            volume_size_in_gb=self._options.volume_gb,
            training_plan_arn=cluster.reservation if cluster.capacity == "training-plan" else None,
        )

    def _limits(self) -> aws.sagemaker.TrainingJobStoppingConditionArgs:
        limit, wait = self._options.max_runtime.duration, self._options.spot_wait.duration
        assert limit is not None, "`plan` refuses a job without an end"
        runtime = int((min(limit, LIMIT) if self._pretraining.gate_only else limit).total_seconds())
        spot = self._pretraining.cluster.capacity == "spot"
        return aws.sagemaker.TrainingJobStoppingConditionArgs(
            max_runtime_in_seconds=runtime,
            max_wait_time_in_seconds=runtime + int(wait.total_seconds()) if spot and wait is not None else None,
        )

    def _create_network(self) -> ClusterNetwork:
        plan, cluster = self._pretraining.plan, self._pretraining.cluster
        args = ClusterNetworkArgs(self._names.cluster, self._pretraining.region, plan.instance.name, cluster.zone)
        return ClusterNetwork(_LOGICAL, args, self._opts)

    def _create_role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        network = self._network
        return create_container_role(
            _LOGICAL,
            name=self._names.training_role,
            path=self._names.role_path,
            description="Lets the training job of this stack read its corpus and write its results",
            account=self._account,
            image=self._image,
            log=TRAINING_LOG,
            statements=[
                *job_statements(self._pretraining, self._workspace, self._account, key=self._key),
                *(network_statements(self._account, network) if network else []),
            ],
            opts=self._opts,
        )

    def _end(self, job: aws.sagemaker.TrainingJob, storage: FileSystem | None) -> None:
        if self._context.expires is None:
            return
        prefix = self._names.prefix
        stop = StopCall(
            STOP_TRAINING_JOB,
            name=f"{prefix}-stop-training",
            what="the training job",
            input={"TrainingJobName": self._name},
            resource=job.arn,
        )
        create_expiry(
            _LOGICAL,
            self._names.expiry("training"),
            self._account,
            at=self._context.expires,
            calls=[stop, *([storage.stop_call(f"{prefix}-delete-files")] if storage else [])],
            opts=self._opts,
        )


def places(*, shared: bool) -> dict[str, str]:
    """Where the launcher finds the corpus and keeps checkpoints on a node."""
    if shared:
        root = f"/opt/ml/input/data/{FILES_CHANNEL}"
        return {"LLMSTRAT_CORPUS": root + CORPUS, "LLMSTRAT_SHARED": root}
    # Of all folders of the container, /tmp is on the instance's large volume.
    return {"LLMSTRAT_CORPUS": f"/opt/ml/input/data/{CORPUS_CHANNEL}", "LLMSTRAT_WORK": "/tmp/llmstrat"}  # noqa: S108


def _file_channel(storage: FileSystem) -> aws.sagemaker.TrainingJobInputDataConfigArgs:
    """The whole file system: the corpus, and room for checkpoints beside it."""
    sage = aws.sagemaker
    source = sage.TrainingJobInputDataConfigDataSourceFileSystemDataSourceArgs(
        file_system_id=storage.file_system_id,
        file_system_type="FSxLustre",
        file_system_access_mode="rw",
        directory_path=pulumi.Output.concat("/", storage.mount_name),
    )
    return sage.TrainingJobInputDataConfigArgs(
        channel_name=FILES_CHANNEL,
        data_source=sage.TrainingJobInputDataConfigDataSourceArgs(file_system_data_source=source),
    )
