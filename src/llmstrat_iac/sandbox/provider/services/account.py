"""Functions about where one is: caller identity, region, partition."""

from __future__ import annotations

from functools import lru_cache

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.registry import Call, function
from llmstrat_iac.sandbox.provider.values import Props


@function("aws:index/getCallerIdentity:getCallerIdentity")
def get_caller_identity(call: Call, _args: Props) -> Props:
    """The account and principal of the fake credentials."""
    found = call.client("sts").get_caller_identity()
    account = found["Account"]
    return {"accountId": account, "arn": found["Arn"], "userId": found["UserId"], "id": account}


@lru_cache(maxsize=1)
def _region_names() -> dict[str, str]:
    """Region -> description, from botocore's endpoint data."""
    from botocore.loaders import Loader

    partitions = Loader().load_data("endpoints")["partitions"]
    return {name: str(data["description"]) for part in partitions for name, data in part["regions"].items()}


@function("aws:index/getRegion:getRegion")
def get_region(call: Call, args: Props) -> Props:
    """A region by name or EC2 endpoint; the provider's own without arguments. No API call."""
    endpoint = args.get("endpoint")
    from_endpoint = endpoint.split(".")[1] if endpoint and endpoint.count(".") > 1 else None
    name = args.get("region") or args.get("name") or from_endpoint or call.config.region
    description = _region_names().get(name)
    if description is None:
        raise SandboxError(f"region not found: {name}")
    host = f"ec2.{name}.{_suffix(call)}"
    return {"id": name, "name": name, "region": name, "endpoint": host, "description": description}


@function("aws:index/getPartition:getPartition")
def get_partition(call: Call, _args: Props) -> Props:
    """The partition of the provider's region."""
    suffix = _suffix(call)
    return {
        "id": call.partition,
        "partition": call.partition,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _suffix(call: Call) -> str:
    return "amazonaws.com.cn" if call.partition == "aws-cn" else "amazonaws.com"
