"""SageMaker AI's serverless model customization: a job without instances, and its result imported into Bedrock.

`aws.sagemaker.TrainingJob` starts the job and returns; its deletion stops a running one and deletes the job with its
model package. Each job has a package group of its own, because that deletion empties the group.
"""

from __future__ import annotations

from collections.abc import Mapping

import boto3
import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.policies import Account
from llmstrat_iac.components.stack_provider import stack_tags
from llmstrat_iac.components.tuning import storage as st
from llmstrat_iac.components.tuning.imported_model import ImportedModel
from llmstrat_iac.components.tuning.names import TAG_JOB, TAG_RETAINED, TuningNames, job_key, logical_name
from llmstrat_iac.components.tuning.upload import converted_files
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import IamStatement, ProgramContext, ServedModel, Upstream
from llmstrat_iac.tuning import JobState, ResolvedTuning, TuningJob, TuningState

INFIX = "sagemaker"
"""AWS's managed policies for customization reach only buckets with this in their name."""
_HUB = "arn:{partition}:sagemaker:{region}:aws:hub-content/SageMakerPublicHub/Model/"
_TRAINING = "arn:{partition}:sagemaker:{region}:{account}:training-job/*"
_IMPORT = "arn:{partition}:bedrock:{region}:{account}:model-import-job/*"
_TECHNIQUES = {"supervised": "SFT", "preference": "DPO"}
_HYPERPARAMETERS = {"epochs": "max_epochs", "batch_size": "global_batch_size"}
"""Neutral name to the recipes' own (recipe override parameters of 2026); the others are the same."""
# Full weights in Hugging Face's format, whatever was trained; the adapter alone is beside them in `hf`.
_MERGED = "checkpoints/hf_merged/"
_FIXED = [
    "hyper_parameters",
    "input_data_configs",
    "model_package_config",
    "output_data_config",
    "role_arn",
    "serverless_job_config",
    "training_job_name",
]
"""What a job was started with: no later change of these may start another."""


def program(
    context: ProgramContext, tuning: ResolvedTuning, state: TuningState, opts: pulumi.ResourceOptions
) -> ServedModel | None:
    """Register the storage, the jobs that matter, and the import of the one that serves."""
    names = TuningNames(tuning.stack_name)
    account = Account.current(tuning.region, pulumi.InvokeOutputOptions(parent=opts.parent))
    storage = st.create_storage(names, account, opts, infix=INFIX)
    role, policy = st.create_tuning_role(
        names,
        trust=[
            st.trust("sagemaker.amazonaws.com", account, _TRAINING),
            st.trust("bedrock.amazonaws.com", account, _IMPORT),
        ],
        statements=st.data_statements(storage),
        opts=opts,
    )
    run = _Run(context, tuning, account, storage, role, policy, opts)
    if state.serving is not None:
        run.known_job(state.serving)
    if state.current is None:
        run.new_job(state)
    else:
        run.known_job(state.current)
    return None if state.served is None else run.serve(state.served)


class _Run:
    """What the steps of one run share."""

    def __init__(
        self,
        context: ProgramContext,
        tuning: ResolvedTuning,
        account: Account,
        storage: Workspace,
        role: aws.iam.Role,
        policy: aws.iam.RolePolicy,
        opts: pulumi.ResourceOptions,
    ) -> None:
        self._context = context
        self._tuning = tuning
        self._account = account
        self._storage = storage
        self._role = role
        self._policy = policy
        self._opts = opts

    def new_job(self, state: TuningState) -> None:
        """Upload the dataset and start a job."""
        key = job_key(self._tuning.identity, state.attempt)
        self._job(key, self._tuning.job_name(63, state.attempt), self._upload(key), adopted=None)

    def known_job(self, job: TuningJob) -> None:
        """Register a job that exists; its dataset stays only while it may need it."""
        key = job.inputs["key"]
        uploads = [] if job.state is JobState.COMPLETED else self._upload(key)
        self._job(key, job.name, uploads, adopted=job.name)

    def _upload(self, key: str) -> list[pulumi.Resource]:
        session = boto3.Session(region_name=self._tuning.region)
        return [*st.upload(self._storage, key, converted_files(self._tuning, session), self._opts).values()]

    def _job(self, key: str, name: str, needed: list[pulumi.Resource], *, adopted: str | None) -> None:
        tuning, data = self._tuning, aws.sagemaker
        tags = self._job_tags(key)
        # With the model its job stays, too: without it the next `up` would train again.
        kept = pulumi.ResourceOptions.merge(
            self._opts, pulumi.ResourceOptions(retain_on_delete=tuning.block.retain_on_destroy)
        )
        group = data.ModelPackageGroup(
            logical_name(key),
            data.ModelPackageGroupArgs(model_package_group_name=name, tags=tags),
            opts=pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(import_=adopted)),
        )
        channels = ["train", *(["validation"] if tuning.validation is not None else [])]
        data.TrainingJob(
            logical_name(key),
            data.TrainingJobArgs(
                training_job_name=name,
                role_arn=self._role.arn,
                hyper_parameters=hyperparameters(tuning),
                input_data_configs=[self._channel(key, channel) for channel in channels],
                output_data_config=data.TrainingJobOutputDataConfigArgs(
                    s3_output_path=self._storage.uri(f"{key}/output/")
                ),
                serverless_job_config=data.TrainingJobServerlessJobConfigArgs(
                    base_model_arn=self._account.fill(_HUB + tuning.block.base_model),
                    # The API's own words; the provider's documentation lists others.
                    job_type="FineTuning",
                    customization_technique=_TECHNIQUES[tuning.block.method],
                    peft="LORA" if tuning.options.peft == "lora" else None,
                    accept_eula=tuning.options.accept_eula,
                ),
                model_package_config=data.TrainingJobModelPackageConfigArgs(model_package_group_arn=group.arn),
                delete_model_packages_on_destroy=True,
                tags=tags,
            ),
            opts=pulumi.ResourceOptions.merge(
                kept,
                pulumi.ResourceOptions(depends_on=[*needed, self._policy], import_=adopted, ignore_changes=_FIXED),
            ),
        )

    def _channel(self, key: str, name: str) -> aws.sagemaker.TrainingJobInputDataConfigArgs:
        data = aws.sagemaker
        source = data.TrainingJobInputDataConfigDataSourceS3DataSourceArgs(
            s3_data_type="S3Prefix", s3_uri=self._storage.uri(f"{key}/{name}.jsonl")
        )
        return data.TrainingJobInputDataConfigArgs(
            channel_name=name, data_source=data.TrainingJobInputDataConfigDataSourceArgs(s3_data_source=source)
        )

    def _job_tags(self, key: str) -> dict[str, str]:
        return {TAG_JOB: key} | ({TAG_RETAINED: "true"} if self._tuning.block.retain_on_destroy else {})

    def serve(self, job: TuningJob) -> ServedModel:
        """Import a completed job's weights; they are copied, so the job isn't needed to serve."""
        key = job.inputs["key"]
        tags = stack_tags(self._context) | self._job_tags(key)
        model = ImportedModel(
            logical_name(key),
            model_name=job.name,
            source=f"{job.inputs['output'].rstrip('/')}/{_MERGED}",
            role_arn=self._role.arn,
            region=self._tuning.region,
            tags=tags,
            opts=pulumi.ResourceOptions.merge(
                self._opts,
                pulumi.ResourceOptions(
                    depends_on=[self._policy], retain_on_delete=self._tuning.block.retain_on_destroy
                ),
            ),
        )
        return ServedModel(
            model=model.arn,
            upstream=Upstream(
                wire="bedrock-converse", base_url=self._context.target.upstreams.get("bedrock"), auth="sigv4"
            ),
            permissions=(
                IamStatement(
                    actions=("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"),
                    resources=(model.arn,),  # type: ignore[arg-type]
                    reason="call the imported model",
                ),
            ),
            # Billed by the time that it is awake, not by token.
            usd_per_mtok_input=0.0,
            usd_per_mtok_output=0.0,
        )


def hyperparameters(tuning: ResolvedTuning) -> Mapping[str, str]:
    """As the recipes name them; what isn't set is the recipe's own choice."""
    values = tuning.hyperparameters.model_dump(mode="json", exclude_none=True)
    return {_HYPERPARAMETERS.get(name, name): str(value) for name, value in values.items()}
