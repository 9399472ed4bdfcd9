"""Managed fine-tuning by Amazon Bedrock: dataset in S3, customization job, custom model, and what serves it.

`aws.bedrock.CustomModel` starts the job and returns; its deletion stops a running job or deletes the model. A job that
is there already is adopted by its ARN, so that an `up` that was cut off doesn't pay twice, and what has been sent once
is never sent again: what changes the result has another key.
"""

from __future__ import annotations

from collections.abc import Mapping

import boto3
import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.expiry import DELETE_THROUGHPUT, ExpiryNames, StopCall, create_expiry
from llmstrat_iac.components.policies import Account
from llmstrat_iac.components.stack_provider import stack_tags
from llmstrat_iac.components.tuning import storage as st
from llmstrat_iac.components.tuning.bedrock_deployment import CustomModelDeployment
from llmstrat_iac.components.tuning.names import TAG_JOB, TAG_RETAINED, TuningNames, job_key, logical_name
from llmstrat_iac.components.tuning.upload import converted_files
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.hookspecs import IamStatement, ProgramContext, ServedModel, Upstream
from llmstrat_iac.tuning import JobState, ResolvedTuning, TuningJob, TuningState

# https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-iam-role.html
_JOBS = "arn:{partition}:bedrock:{region}:{account}:model-customization-job/*"
_BASE = "arn:{partition}:bedrock:{region}::foundation-model/"
_FIXED = [
    "base_model_identifier",
    "custom_model_name",
    "customization_type",
    "hyperparameters",
    "job_name",
    "output_data_config",
    "role_arn",
    "training_data_config",
    "validation_data_config",
]
"""What a job was started with: no later change of these may start another."""


def program(
    context: ProgramContext, tuning: ResolvedTuning, state: TuningState, opts: pulumi.ResourceOptions
) -> ServedModel | None:
    """Register the storage, the jobs that matter, and the deployment of the one that serves."""
    names = TuningNames(tuning.stack_name)
    account = Account.current(tuning.region, pulumi.InvokeOutputOptions(parent=opts.parent))
    storage = st.create_storage(names, account, opts, infix="tuning")
    role, policy = st.create_tuning_role(
        names,
        trust=[st.trust("bedrock.amazonaws.com", account, _JOBS)],
        statements=st.data_statements(storage),
        opts=opts,
    )
    run = _Run(context, tuning, account, storage, role, opts)
    models = {}
    if state.serving is not None:
        models[state.serving.vendor_id] = run.known_job(state.serving, [policy])
    if state.current is None:
        run.new_job(state, [policy])
    else:
        models[state.current.vendor_id] = run.known_job(state.current, [policy])
    return None if state.served is None else run.serve(state.served, models[state.served.vendor_id])


class _Run:
    """What the steps of one run share."""

    def __init__(
        self,
        context: ProgramContext,
        tuning: ResolvedTuning,
        account: Account,
        storage: Workspace,
        role: aws.iam.Role,
        opts: pulumi.ResourceOptions,
    ) -> None:
        self._context = context
        self._tuning = tuning
        self._account = account
        self._storage = storage
        self._role = role
        self._opts = opts

    def new_job(self, state: TuningState, needed: list[pulumi.Resource]) -> aws.bedrock.CustomModel:
        """Upload the dataset and start a job."""
        tuning = self._tuning
        key = job_key(tuning.identity, state.attempt)
        name = tuning.job_name(63, state.attempt)
        return self._model(key, name, tuning.block.base_model, self._upload(key) + needed, adopted=None)

    def known_job(self, job: TuningJob, needed: list[pulumi.Resource]) -> aws.bedrock.CustomModel:
        """Register a job that exists; its dataset stays only while it may need it."""
        key = job.inputs["key"]
        uploads = [] if job.state is JobState.COMPLETED else self._upload(key)
        return self._model(key, job.name, job.inputs["base_model"], uploads + needed, adopted=job.vendor_id)

    def _upload(self, key: str) -> list[pulumi.Resource]:
        session = boto3.Session(region_name=self._tuning.region)
        return [*st.upload(self._storage, key, converted_files(self._tuning, session), self._opts).values()]

    def _model(
        self, key: str, name: str, base: str, needed: list[pulumi.Resource], *, adopted: str | None
    ) -> aws.bedrock.CustomModel:
        tuning, data = self._tuning, aws.bedrock
        validation = None
        if tuning.validation is not None:
            validators = [
                data.CustomModelValidationDataConfigValidatorArgs(s3_uri=self._storage.uri(f"{key}/validation.jsonl"))
            ]
            validation = data.CustomModelValidationDataConfigArgs(validators=validators)
        return data.CustomModel(
            logical_name(key),
            data.CustomModelArgs(
                base_model_identifier=self._account.fill(_BASE + base),
                custom_model_name=name,
                job_name=name,
                customization_type="FINE_TUNING",
                hyperparameters=hyperparameters(tuning),
                role_arn=self._role.arn,
                training_data_config=data.CustomModelTrainingDataConfigArgs(
                    s3_uri=self._storage.uri(f"{key}/train.jsonl")
                ),
                validation_data_config=validation,
                output_data_config=data.CustomModelOutputDataConfigArgs(s3_uri=self._storage.uri(f"{key}/output/")),
                tags=self._job_tags(key),
            ),
            opts=pulumi.ResourceOptions.merge(
                self._opts,
                pulumi.ResourceOptions(
                    depends_on=needed,
                    import_=adopted,
                    ignore_changes=_FIXED,
                    retain_on_delete=tuning.block.retain_on_destroy,
                ),
            ),
        )

    def _job_tags(self, key: str) -> dict[str, str]:
        return {TAG_JOB: key} | ({TAG_RETAINED: "true"} if self._tuning.block.retain_on_destroy else {})

    def serve(self, job: TuningJob, model: aws.bedrock.CustomModel) -> ServedModel:
        """Deploy a completed job's model on demand, or on throughput of its own where the spec says so."""
        assert job.model_id is not None, "a completed job has a model"
        needed = pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(depends_on=[model]))
        name = logical_name(job.inputs["key"])
        arn: pulumi.Output[str]
        if self._tuning.options.throughput == "provisioned":
            commitment = {"none": None, "1-month": "OneMonth", "6-months": "SixMonths"}[self._tuning.options.commitment]
            arn = aws.bedrock.ProvisionedModelThroughput(
                name,
                aws.bedrock.ProvisionedModelThroughputArgs(
                    model_arn=job.model_id,
                    model_units=self._tuning.options.model_units,
                    provisioned_model_name=job.name,
                    commitment_duration=commitment,
                ),
                opts=needed,
            ).provisioned_model_arn
            if commitment is None:
                self._end(arn)
        else:
            arn = CustomModelDeployment(
                name,
                deployment_name=job.name,
                model_arn=job.model_id,
                region=self._tuning.region,
                tags=stack_tags(self._context) | {TAG_JOB: job.inputs["key"]},
                opts=needed,
            ).arn
        base = self._tuning.base
        return ServedModel(
            model=arn,
            upstream=Upstream(
                wire="bedrock-converse", base_url=self._context.target.upstreams.get("bedrock"), auth="sigv4"
            ),
            permissions=(
                IamStatement(
                    actions=("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"),
                    resources=(arn, job.model_id),  # type: ignore[arg-type]
                    reason="call the tuned model through its deployment",
                ),
            ),
            usd_per_mtok_input=base.usd_per_mtok_input if base else None,
            usd_per_mtok_output=base.usd_per_mtok_output if base else None,
        )

    def _end(self, throughput: pulumi.Output[str]) -> None:
        expires, names = self._context.expires, TuningNames(self._tuning.stack_name)
        if expires is None:
            return
        stop = StopCall(
            DELETE_THROUGHPUT,
            name=f"{names.prefix}-delete-throughput",
            what="the tuned model's throughput",
            input={"ProvisionedModelId": throughput},
            resource=throughput,
        )
        own = ExpiryNames(f"{names.prefix}-tuning", f"{names.role}-expiry", names.role_path)
        create_expiry("tuning", own, self._account, at=expires, calls=[stop], opts=self._opts)


def hyperparameters(tuning: ResolvedTuning) -> Mapping[str, str]:
    """As Bedrock names them: strings in camel case. https://docs.aws.amazon.com/bedrock/latest/userguide/custom-models-hp.html"""
    known = {"epochs": "epochCount", "learning_rate_warmup_steps": "learningRateWarmupSteps"}
    values = tuning.hyperparameters.model_dump(mode="json", exclude_none=True)
    return {known.get(name, _camel(name)): _plain(value) for name, value in values.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _plain(value: object) -> str:
    """`1e-05` as `0.00001`: the service's own parsers differ."""
    return f"{value:.10f}".rstrip("0") if isinstance(value, float) else str(value)
