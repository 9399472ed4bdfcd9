"""Training by `aws.sagemaker.TrainingJob`: a container with our launcher, which ends and is paid for by itself.

The resource starts the job and returns. It stays registered when the job is over, because its deletion deletes the
job, and with it the only record of what has been trained; what the job needed to run goes. Deleting a running job stops
it first.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from llmstrat_iac.catalog.sagemaker_images import TRAINING
from llmstrat_iac.components.expiry import STOP_TRAINING_JOB, StopCall, create_expiry
from llmstrat_iac.components.job_files import job_prefix, upload_job
from llmstrat_iac.components.policies import Account
from llmstrat_iac.components.sagemaker.images import resolve
from llmstrat_iac.components.sagemaker.job_args import FIXED, TOKEN_SECRET, container, s3_channel
from llmstrat_iac.components.sagemaker.names import TRAINING_LOG, SageMakerNames
from llmstrat_iac.components.sagemaker.options import TrainingOptions
from llmstrat_iac.components.sagemaker.roles import create_container_role, read_secret, read_uris, write_objects
from llmstrat_iac.components.sagemaker.shape import instance_name
from llmstrat_iac.components.tuning.names import TAG_JOB, job_key
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.open_model import ResolvedTraining
from llmstrat_iac.tuning import TuningJob, TuningState

LAUNCHER = "exec python3 /opt/ml/input/data/code/launch.py"
CHECKPOINTS = "/opt/ml/checkpoints"
# TRL prints its log as Python's dictionaries; the launcher passes it through.
_WORDS = {"training_loss": "loss", "validation_loss": "eval_loss", "learning_rate": "learning_rate", "epoch": "epoch"}
_METRICS = {name: f"'{word}': '?([-+0-9.eE]+)" for name, word in _WORDS.items()}


def train(
    context: ProgramContext,
    training: ResolvedTraining,
    state: TuningState,
    workspace: Workspace,
    opts: pulumi.ResourceOptions,
) -> None:
    """Register the job for the spec, started if there is none yet, and the job whose model serves until then."""
    run = _Run(context, training, workspace, opts)
    if state.serving is not None:
        run.known_job(state.serving)
    if state.current is None:
        run.new_job(state)
    else:
        run.known_job(state.current)


class _Run:
    """What the jobs of one run share."""

    def __init__(
        self,
        context: ProgramContext,
        training: ResolvedTraining,
        workspace: Workspace,
        opts: pulumi.ResourceOptions,
    ) -> None:
        self._context = context
        self._training = training
        self._workspace = workspace
        self._opts = opts
        self._names = SageMakerNames(training.stack_name)
        self._account = Account.current(training.region, pulumi.InvokeOutputOptions(parent=opts.parent))
        options: TrainingOptions = training.options
        self._image = options.image or resolve(TRAINING, training.region)
        self._role, self._policy = self._create_role()

    def new_job(self, state: TuningState) -> None:
        """Upload what the job reads, and start it."""
        key = job_key(self._training.identity, state.attempt)
        self._running(key, self._training.job_name(63, state.attempt), adopted=None)

    def known_job(self, job: TuningJob) -> None:
        """Register a job that exists; what it reads stays only while it may need it."""
        key = job.inputs["key"]
        if job.state.over:
            self._job(key, job.name, [], adopted=job.name)
        else:
            self._running(key, job.name, adopted=job.name)

    def _running(self, key: str, name: str, *, adopted: str | None) -> None:
        job = self._job(key, name, upload_job(self._workspace, self._training, key, self._opts), adopted=adopted)
        if self._context.expires is None:
            return
        create_expiry(
            "training",
            self._names.expiry("training"),
            self._account,
            at=self._context.expires,
            calls=[
                StopCall(
                    STOP_TRAINING_JOB,
                    name=f"{self._names.prefix}-stop-training",
                    what="the training job",
                    input={"TrainingJobName": name},
                    resource=job.arn,
                )
            ],
            opts=self._opts,
        )

    def _job(
        self, key: str, name: str, needed: list[pulumi.Resource], *, adopted: str | None
    ) -> aws.sagemaker.TrainingJob:
        training, sage = self._training, aws.sagemaker
        spot = training.block.capacity == "spot"
        arguments = sage.TrainingJobArgs(
            training_job_name=name,
            role_arn=self._role.arn,
            algorithm_specification=container(self._image, LAUNCHER, _METRICS),
            input_data_configs=self._channels(key),
            output_data_config=sage.TrainingJobOutputDataConfigArgs(
                s3_output_path=self._workspace.uri(f"{job_prefix(key)}output/"), compression_type="NONE"
            ),
            checkpoint_config=sage.TrainingJobCheckpointConfigArgs(
                s3_uri=self._workspace.uri(f"{job_prefix(key)}checkpoints"), local_path=CHECKPOINTS
            ),
            resource_config=_resources(training),
            stopping_condition=_limits(training),
            enable_managed_spot_training=spot,
            enable_inter_container_traffic_encryption=True,
            environment=self._environment(),
            hyper_parameters=_facts(training),
            tags={TAG_JOB: key},
        )
        options = pulumi.ResourceOptions(depends_on=[*needed, self._policy], import_=adopted, ignore_changes=FIXED)
        return sage.TrainingJob(f"training-{key}", arguments, opts=pulumi.ResourceOptions.merge(self._opts, options))

    def _environment(self) -> dict[str, pulumi.Input[str]]:
        """Never a secret itself: `DescribeTrainingJob` shows it."""
        token = self._workspace.model_token
        variables: dict[str, pulumi.Input[str]] = {"AWS_REGION": self._training.region, "LLMSTRAT_INSTALL": "1"}
        return variables if token is None else {**variables, TOKEN_SECRET: token}

    def _channels(self, key: str) -> list[aws.sagemaker.TrainingJobInputDataConfigArgs]:
        files = {"code": "code/", "train": "data/train.jsonl"}
        if self._training.validation is not None:
            files["validation"] = "data/validation.jsonl"
        channels = [s3_channel(name, self._workspace.uri(job_prefix(key) + path)) for name, path in files.items()]
        base = self._training.model.block
        return [*channels, s3_channel("model", base.id)] if base.in_s3 else channels

    def _create_role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        bucket = self._workspace.bucket.arn
        token = self._workspace.model_token
        return create_container_role(
            "training",
            name=self._names.training_role,
            path=self._names.role_path,
            description="Lets training jobs of this stack read their files and write their results",
            account=self._account,
            image=self._image,
            log=TRAINING_LOG,
            statements=[
                *write_objects(bucket, "training/"),
                *read_uris([self._training.model.block.id], self._account),
                *([] if token is None else [read_secret(token)]),
            ],
            opts=self._opts,
        )


def _resources(training: ResolvedTraining) -> aws.sagemaker.TrainingJobResourceConfigArgs:
    instance = training.placement.instance
    options: TrainingOptions = training.options
    # Required, and ignored by types with NVMe disks. SageMaker encrypts either with a key of its own.
    return aws.sagemaker.TrainingJobResourceConfigArgs(
        instance_type=instance_name(instance.name), instance_count=1, volume_size_in_gb=options.volume_gb
    )


def _limits(training: ResolvedTraining) -> aws.sagemaker.TrainingJobStoppingConditionArgs:
    duration = training.block.max_duration.duration
    assert duration is not None, "`plan` refuses a training without an end"
    runtime = int(duration.total_seconds())
    options: TrainingOptions = training.options
    wait = options.spot_wait.duration
    spot = training.block.capacity == "spot"
    return aws.sagemaker.TrainingJobStoppingConditionArgs(
        max_runtime_in_seconds=runtime,
        max_wait_time_in_seconds=runtime + int(wait.total_seconds()) if spot and wait is not None else None,
    )


def _facts(training: ResolvedTraining) -> dict[str, str]:
    """What is to be known of the job after the spec has moved on; the launcher doesn't read it."""
    values = training.block.hyperparameters
    facts = {"method": training.block.method, "epochs": f"{values.epochs:g}"}
    return facts | ({"rank": str(values.lora.rank)} if training.makes_adapter else {})
