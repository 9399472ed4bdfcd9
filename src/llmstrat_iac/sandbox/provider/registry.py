"""Declarations: what a served type is made of, and the decorators that register it.

A declaration holds API calls only; everything else about a type is in its table row. To serve another type, add a
class to a module of `services/` and, for a new module, its name to `SERVICES`.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.clients import Clients
from llmstrat_iac.sandbox.provider.config import ProviderConfig
from llmstrat_iac.sandbox.provider.table import Row, load_table
from llmstrat_iac.sandbox.provider.values import Props

SERVICES = (
    "account", "apigateway_api", "apigateway_keys", "apigateway_routes", "apigateway_stages", "apigatewayv2",
    "appautoscaling", "autoscaling", "autoscaling_rules", "bedrock", "budgets", "cloudcontrol", "cloudwatch",
    "dynamodb", "ec2_capacity", "ec2_catalogue", "ec2_gateways", "ec2_instances", "ec2_network", "ec2_routes",
    "ec2_security", "ec2_templates", "elb", "elb_listeners", "fsx", "iam", "iam_profiles", "kms", "lambda_", "logs",
    "policy_document", "s3", "sagemaker", "sagemaker_serving", "scheduler", "secretsmanager", "sns", "ssm",
)  # fmt: skip


@dataclass
class Call:
    """One operation's way to AWS. A create that has more calls to make after the thing exists sets `created_id`."""

    clients: Clients
    config: ProviderConfig
    region: str
    created_id: str | None = None

    def client(self, service: str) -> Any:
        """The client of a service in the resource's region."""
        return self.clients.get(service, self.region)

    @property
    def account_id(self) -> str:
        """The account that the fake credentials belong to."""
        return _account_id(self.clients, self.region)

    @property
    def partition(self) -> str:
        """`aws`, or the partition of the region's prefix."""
        prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
        return next((name for prefix, name in prefixes.items() if self.region.startswith(prefix)), "aws")


@lru_cache(maxsize=64)
def _account_id(clients: Clients, region: str) -> str:
    return str(clients.get("sts", region).get_caller_identity()["Account"])


class Resource(ABC):
    """The API calls of one type. Properties are plain (no secret wrappers) and in the provider's spelling."""

    @abstractmethod
    def create(self, call: Call, args: Props) -> str:
        """Create from checked inputs and return the id."""

    @abstractmethod
    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        """What AWS says now: None when it's gone; a key with None means unset; keys left out keep their state."""

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        """Bring the thing from its old state to the new inputs, in place."""
        raise SandboxError("this type has no in-place update")

    @abstractmethod
    def delete(self, call: Call, rid: str, state: Props) -> None:
        """Delete; a not-found error counts as success."""

    def replaced_by(self, state: Props, news: Props) -> frozenset[str]:
        """Properties whose change replaces the thing for a reason that no table row can tell."""
        return frozenset()

    def identify(self, state: Props, rid: str) -> str:
        """The id of an imported resource; `state` holds the parts of the import id as the table names them, and may be
        completed."""
        return str(state.get("id", rid))


# A data source: plain arguments in, plain result out.
Function = Callable[[Call, Props], Props]
_resources: dict[str, Resource] = {}
_functions: dict[str, Function] = {}
R = TypeVar("R", bound=type[Resource])


def resource(token: str) -> Callable[[R], R]:
    """Register a declaration for a resource token."""

    def register(declaration: R) -> R:
        _claim(token, _resources)
        _resources[token] = declaration()
        return declaration

    return register


def function(token: str) -> Callable[[Function], Function]:
    """Register a function for an invoke token."""

    def register(implementation: Function) -> Function:
        _claim(token, _functions)
        _functions[token] = implementation
        return implementation

    return register


def _claim(token: str, taken: Mapping[str, object]) -> None:
    if token in taken:
        raise ValueError(f"{token} is declared twice")
    if token not in load_table():
        raise ValueError(f"{token} has no row in resources.json")


@lru_cache(maxsize=1)
def _load() -> None:
    for name in SERVICES:
        importlib.import_module(f"{__package__}.services.{name}")


def served_resources() -> Mapping[str, Resource]:
    """Every served resource type."""
    _load()
    return MappingProxyType(_resources)


def served_functions() -> Mapping[str, Function]:
    """Every served function."""
    _load()
    return MappingProxyType(_functions)


def resource_for(token: str) -> tuple[Resource, Row]:
    """Declaration and row of a type, or an error that says what is served."""
    declaration = served_resources().get(token)
    if declaration is None:
        raise SandboxError(
            f"the sandbox's aws provider doesn't serve {token}",
            remedy=f"it serves {len(_resources)} types; this one needs AWS itself, or a declaration in services/",
        )
    return declaration, load_table()[token]


def function_for(token: str) -> Function:
    """Implementation of a function, or an error that says that it isn't served."""
    implementation = served_functions().get(token)
    if implementation is None:
        raise SandboxError(f"the sandbox's aws provider doesn't serve {token}")
    return implementation
