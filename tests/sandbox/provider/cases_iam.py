"""Rows of IAM and Lambda."""

from __future__ import annotations

import json

import pulumi
from aws_case import OTHER_TRUST, TRUST, Case, code, found, policy

IAM = (
    Case(
        "role", "aws:iam/role:Role",
        lambda m: {"assume_role_policy": TRUST, "tags": {"team": "a"}},
        lambda m: {"assume_role_policy": OTHER_TRUST, "description": "new", "tags": {"team": "b", "more": "1"}},
        lambda m: {"path": "/other/"},
        lambda aws, out: aws("iam").get_role(RoleName=out["id"]),
    ),
    Case(
        "role-policy", "aws:iam/rolePolicy:RolePolicy",
        lambda m: {"role": m["role"].name, "policy": policy("s3:GetObject")},
        lambda m: {"policy": policy("s3:PutObject")},
        lambda m: {"name": "inline-by-name"},
        lambda aws, out: aws("iam").get_role_policy(RoleName=out["role"], PolicyName=out["name"]),
    ),
    Case(
        "policy", "aws:iam/policy:Policy",
        lambda m: {"policy": policy("s3:GetObject"), "tags": {"team": "a"}},
        lambda m: {"policy": policy("s3:ListBucket"), "tags": {}},
        lambda m: {"description": "can't be changed"},
        lambda aws, out: aws("iam").get_policy(PolicyArn=out["id"]),
    ),
    Case(
        "attachment", "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        lambda m: {"role": m["role"].name, "policy_arn": m["policy"].arn},
        None,
        lambda m: {"policy_arn": m["other-policy"].arn},
        lambda aws, out: found(
            aws("iam").list_attached_role_policies(RoleName=out["role"])["AttachedPolicies"], PolicyArn=out["policyArn"]
        ),
    ),
)  # fmt: skip

LAMBDA = (
    Case(
        "function", "aws:lambda/function:Function",
        lambda m: {
            "role": m["role"].arn, "runtime": "python3.12", "handler": "app.handler", "code": code("one"),
            "environment": {"variables": {"MODE": "a", "KEY": pulumi.Output.secret("s3cr3t-value")}}, "timeout": 10,
        },
        lambda m: {"code": code("two"), "memory_size": 256, "environment": {"variables": {"MODE": "b"}}},
        lambda m: {"name": "fidelity-function"},
        lambda aws, out: aws("lambda").get_function(FunctionName=out["id"]),
    ),
    Case(
        "permission", "aws:lambda/permission:Permission",
        lambda m: {
            "function": m["function"].name, "action": "lambda:InvokeFunction", "principal": "apigateway.amazonaws.com",
            "source_arn": "arn:aws:execute-api:us-east-1:000000000000:abc/*",
        },
        None,
        lambda m: {"action": "lambda:GetFunction"},
        lambda aws, out: found(
            json.loads(aws("lambda").get_policy(FunctionName=out["function"])["Policy"])["Statement"], Sid=out["id"]
        ),
    ),
)  # fmt: skip
