"""What CloudFormation's registry says of the types that stacks make through Cloud Control.

Property paths are those of the type's schema, without `/properties/`. Both sides of the sandbox read it: the emulator's
Cloud Control API and the provider, whose real counterpart fetches it by `cloudformation:DescribeType`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RegisteredType:
    """A type's schema as far as it decides about a resource's life."""

    name: str
    identifier: str
    create_only: frozenset[str]
    read_only: frozenset[str]

    def schema(self) -> str:
        """Those parts of it as the registry would have them."""
        return json.dumps({
            "typeName": self.name,
            "primaryIdentifier": [f"/properties/{self.identifier}"],
            "createOnlyProperties": [f"/properties/{path}" for path in sorted(self.create_only)],
            "readOnlyProperties": [f"/properties/{path}" for path in sorted(self.read_only)],
        })  # fmt: skip


INFERENCE_COMPONENT = RegisteredType(
    "AWS::SageMaker::InferenceComponent",
    "InferenceComponentArn",
    # UpdateInferenceComponent (botocore's model) takes none of these.
    create_only=frozenset({"InferenceComponentName", "EndpointName", "VariantName"}),
    read_only=frozenset({
        "InferenceComponentArn", "EndpointArn", "FailureReason", "InferenceComponentStatus", "CreationTime",
        "LastModifiedTime", "RuntimeConfig/DesiredCopyCount", "RuntimeConfig/CurrentCopyCount",
    }),
)  # fmt: skip
CLUSTER = RegisteredType(
    "AWS::SageMaker::Cluster",
    "ClusterArn",
    # UpdateCluster (botocore's model) takes no VpcConfig; the type's schema also names Orchestrator/Eks.
    create_only=frozenset({"ClusterName", "VpcConfig", "Orchestrator/Eks"}),
    read_only=frozenset({
        "ClusterArn", "ClusterStatus", "CreationTime", "FailureMessage", "InstanceGroups/*/CurrentCount",
    }),
)  # fmt: skip
REGISTERED_TYPES: Mapping[str, RegisteredType] = {item.name: item for item in (INFERENCE_COMPONENT, CLUSTER)}
