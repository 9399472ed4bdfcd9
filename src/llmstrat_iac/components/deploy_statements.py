"""The permissions that creating, reading, changing and deleting a stack's resources takes, by Pulumi type.

From the API calls of each type in the AWS provider's source (hashicorp/terraform-provider-aws v6.58.0) and the Service
Authorization Reference. Types of a runtime's own are the runtime's to list (`Runtime.permissions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llmstrat_iac.components.names import ACCOUNT_ROLE_PATH, GatewayNames
from llmstrat_iac.hookspecs import IamStatement

_ARN = "arn:{partition}"
_HERE = "{region}:{account}"
_DYNAMIC = "pulumi-python:dynamic/llmstrat:"


@dataclass(frozen=True)
class _Row:
    types: tuple[str, ...]
    """Prefixes of Pulumi types."""
    reason: str
    actions: str
    """Service, then the operations."""
    resources: tuple[str, ...]
    """ARNs; `STACK` stands for the stack's name, `PATH` for its IAM path."""


_ROWS = (
    _Row(
        ("aws:apigateway/", _DYNAMIC + "ConsumerKeys"),
        "the API, its keys and usage plans; ids are chosen by API Gateway, so the path can't name the stack",
        "apigateway DELETE GET PATCH POST PUT",
        tuple(
            _ARN + ":apigateway:{region}::/" + path
            for path in (
                "restapis", "restapis/*", "usageplans", "usageplans/*", "apikeys", "apikeys/*", "account", "tags/*",
            )
        ),
    ),
    _Row(
        ("aws:lambda/",),
        "relay and authorizer",
        "lambda AddPermission CreateFunction DeleteFunction DeleteFunctionConcurrency GetFunction "
        "GetFunctionCodeSigningConfig GetFunctionConcurrency GetPolicy ListTags ListVersionsByFunction "
        "PutFunctionConcurrency RemovePermission TagResource UntagResource UpdateFunctionCode "
        "UpdateFunctionConfiguration",
        (f"{_ARN}:lambda:{_HERE}:function:STACK-*",),
    ),
    _Row(
        ("aws:iam/role:", "aws:iam/rolePolicy:"),
        "roles of the stack, below a path of its own",
        "iam CreateRole DeleteRole DeleteRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies "
        "ListInstanceProfilesForRole ListRolePolicies PassRole PutRolePolicy TagRole UntagRole "
        "UpdateAssumeRolePolicy UpdateRole",
        (_ARN + ":iam::{account}:rolePATH*",),
    ),
    _Row(
        (_DYNAMIC + "AccountLogRole",),
        "the account's role for API Gateway's logs, created only if there is none",
        "iam AttachRolePolicy CreateRole GetRole PassRole",
        (_ARN + ":iam::{account}:role" + ACCOUNT_ROLE_PATH + "llmstrat-apigateway-logs",),
    ),
    _Row(
        ("aws:cloudwatch/logGroup:",),
        "log groups",
        "logs CreateLogGroup DeleteLogGroup DeleteRetentionPolicy FilterLogEvents GetLogEvents ListTagsForResource "
        "PutRetentionPolicy TagResource UntagResource",
        (f"{_ARN}:logs:{_HERE}:log-group:/llmstrat/STACK/*",),
    ),
    _Row(
        ("aws:cloudwatch/logGroup:",),
        "finding log groups: the call takes no narrower resource",
        "logs DescribeLogGroups",
        (f"{_ARN}:logs:{_HERE}:log-group:*",),
    ),
    _Row(
        ("aws:cloudwatch/metricAlarm:",),
        "alarms",
        "cloudwatch DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource",
        (f"{_ARN}:cloudwatch:{_HERE}:alarm:STACK-*",),
    ),
    _Row(
        ("aws:sns/",),
        "where alarms go",
        "sns CreateTopic DeleteTopic GetSubscriptionAttributes GetTopicAttributes ListTagsForResource "
        "SetTopicAttributes Subscribe TagResource Unsubscribe UntagResource",
        (f"{_ARN}:sns:{_HERE}:STACK-*",),
    ),
    _Row(
        ("aws:budgets/",),
        "the monthly budget",
        "budgets ListTagsForResource ModifyBudget TagResource UntagResource ViewBudget",
        (_ARN + ":budgets::{account}:budget/STACK",),
    ),
    _Row(
        ("aws:dynamodb/",),
        "consumers' token budgets",
        "dynamodb CreateTable DeleteTable DescribeContinuousBackups DescribeTable DescribeTimeToLive "
        "ListTagsOfResource TagResource UntagResource UpdateTable UpdateTimeToLive",
        (f"{_ARN}:dynamodb:{_HERE}:table/STACK-*",),
    ),
    _Row(
        ("aws:secretsmanager/",),
        "keys that are uploaded",
        "secretsmanager CreateSecret DeleteSecret DescribeSecret GetResourcePolicy GetSecretValue ListSecretVersionIds "
        "PutSecretValue TagResource UntagResource UpdateSecret UpdateSecretVersionStage",
        (f"{_ARN}:secretsmanager:{_HERE}:secret:STACK-*",),
    ),
    _Row(
        ("aws:scheduler/",),
        "what stops the stack when it expires",
        "scheduler CreateSchedule CreateScheduleGroup DeleteSchedule DeleteScheduleGroup GetSchedule GetScheduleGroup "
        "ListTagsForResource TagResource UntagResource UpdateSchedule",
        (f"{_ARN}:scheduler:{_HERE}:schedule-group/STACK*", f"{_ARN}:scheduler:{_HERE}:schedule/STACK*/*"),
    ),
    _Row(
        ("aws:s3/",),
        "the bucket for data and models",
        "s3 CreateBucket DeleteBucket DeleteObject DeleteObjectVersion GetAccelerateConfiguration GetBucketAcl "
        "GetBucketCORS GetBucketLogging GetBucketObjectLockConfiguration GetBucketPolicy GetBucketPublicAccessBlock "
        "GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration "
        "GetLifecycleConfiguration GetObject GetObjectTagging GetReplicationConfiguration ListBucket "
        "ListBucketVersions PutBucketPublicAccessBlock PutBucketTagging PutEncryptionConfiguration PutObject "
        "PutObjectTagging",
        (_ARN + ":s3:::STACK-*",),
    ),
    _Row(
        ("aws:bedrock/customModel:",),
        "tuning by Bedrock; ids are chosen by Bedrock, so only the kind can be named",
        "bedrock CreateModelCustomizationJob DeleteCustomModel GetCustomModel GetModelCustomizationJob "
        "ListTagsForResource StopModelCustomizationJob TagResource UntagResource",
        (
            _ARN + ":bedrock:{region}::foundation-model/*",
            f"{_ARN}:bedrock:{_HERE}:custom-model/*",
            f"{_ARN}:bedrock:{_HERE}:model-customization-job/*",
        ),
    ),
    _Row(
        ("aws:bedrock/provisionedModelThroughput:",),
        "hosting by the hour; ids are chosen by Bedrock",
        "bedrock CreateProvisionedModelThroughput DeleteProvisionedModelThroughput GetProvisionedModelThroughput "
        "ListTagsForResource TagResource UntagResource",
        (f"{_ARN}:bedrock:{_HERE}:provisioned-model/*", f"{_ARN}:bedrock:{_HERE}:custom-model/*"),
    ),
    _Row(
        (_DYNAMIC + "CustomModelDeployment",),
        "hosting by the token; ids are chosen by Bedrock",
        "bedrock CreateCustomModelDeployment DeleteCustomModelDeployment GetCustomModelDeployment TagResource",
        (f"{_ARN}:bedrock:{_HERE}:custom-model-deployment/*", f"{_ARN}:bedrock:{_HERE}:custom-model/*"),
    ),
    _Row(
        (_DYNAMIC + "ImportedModel",),
        "importing the tuned weights; ids are chosen by Bedrock",
        "bedrock CreateModelImportJob DeleteImportedModel GetImportedModel GetModelImportJob TagResource",
        (f"{_ARN}:bedrock:{_HERE}:imported-model/*", f"{_ARN}:bedrock:{_HERE}:model-import-job/*"),
    ),
    _Row(
        ("aws:sagemaker/modelPackageGroup:", "aws:sagemaker/trainingJob:", _DYNAMIC + "HubCopy"),
        "training jobs and the packages that they make",
        "sagemaker AddTags CreateModelPackageGroup CreateTrainingJob DeleteModelPackage DeleteModelPackageGroup "
        "DeleteTags DeleteTrainingJob DescribeModelPackageGroup DescribeTrainingJob ListModelPackages ListTags "
        "StopTrainingJob",
        tuple(
            f"{_ARN}:sagemaker:{_HERE}:{kind}/STACK*"
            for kind in ("training-job", "model-package", "model-package-group")
        ),
    ),
)  # fmt: skip


_UNGATED = ("llmstrat:", "pulumi:", *(_DYNAMIC + name for name in ("KeySeed", "OpenAi", "Gemini")))
"""What exists in Pulumi's state or at another vendor only."""


def statements_for(types: Iterable[str], stack_name: str) -> Iterator[IamStatement]:
    """The statements that resources of these Pulumi types need, for one stack."""
    wanted = set(types)
    path = GatewayNames(stack_name).role_path
    for row in _ROWS:
        if any(each.startswith(row.types) for each in wanted):
            service, *operations = row.actions.split()
            yield IamStatement(
                actions=tuple(f"{service}:{operation}" for operation in operations),
                resources=tuple(each.replace("STACK", stack_name).replace("PATH", path) for each in row.resources),
                reason=row.reason,
            )


def unlisted(types: Iterable[str]) -> list[str]:
    """Types that nothing here stands for, nor needs to."""
    known = tuple(prefix for row in _ROWS for prefix in row.types)
    return sorted(each for each in set(types) if not each.startswith((*known, *_UNGATED)))
