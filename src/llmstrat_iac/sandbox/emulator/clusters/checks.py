"""What SageMaker refuses about a cluster at once, and what makes its creation fail later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.clusters.store import everything
from llmstrat_iac.sandbox.emulator.compute import faults, interfaces
from llmstrat_iac.sandbox.emulator.lustre import store as lustre
from llmstrat_iac.sandbox.emulator.quotas.limits import exceeded, limit
from llmstrat_iac.sandbox.emulator.training_plans import use as training_plans
from llmstrat_iac.sandbox.emulator.tuning.objects import objects_below
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments
from llmstrat_iac.sandbox.emulator.tuning.roles import assumable


def check_groups(asked: Arguments, *, without: str | None = None) -> None:
    """Groups that contradict themselves, or are more than the quotas leave beside other clusters than `without`."""
    groups = asked.get("InstanceGroups") or []
    if not groups:
        _refuse("At least one instance group is required.")
    names = [group["InstanceGroupName"] for group in groups]
    if len(set(names)) < len(names):
        _refuse("Instance group names must be unique within a cluster.")
    for group in groups:
        if not group.get("InstanceType"):
            _refuse(f"InstanceType is required for instance group {group['InstanceGroupName']}.")
        if not assumable(group["ExecutionRole"], "sagemaker.amazonaws.com"):
            _refuse(f"Could not assume role {group['ExecutionRole']}. Please ensure that it trusts SageMaker.")
    if (asked.get("Orchestrator") or {}).get("Slurm") is not None:
        _check_slurm(groups)
    _check_network(asked)
    _check_quotas(groups, without)
    for group in groups:
        training_plans.check_group(group, asked.get("VpcConfig"))


def _check_slurm(groups: list[dict[str, Any]]) -> None:
    kinds = Counter((group.get("SlurmConfig") or {}).get("NodeType") for group in groups)
    if kinds[None]:
        _refuse("SlurmConfig is required for every instance group of a cluster whose Slurm is configured by the API.")
    controllers = [group for group in groups if group["SlurmConfig"]["NodeType"] == "Controller"]
    if len(controllers) != 1 or int(controllers[0]["InstanceCount"]) != 1:
        _refuse("Exactly one Controller instance group with exactly one instance is required.")
    if not kinds["Compute"]:
        _refuse("At least one Compute instance group is required.")


def _check_network(asked: Arguments) -> None:
    network = asked.get("VpcConfig")
    if not network:
        return
    try:
        places = [interfaces.subnet(each) for each in network["Subnets"]]
        interfaces.security_groups(network["SecurityGroupIds"], places[0]["VpcId"])
    except ApiError as error:
        _refuse(error.message)


def _check_quotas(groups: list[dict[str, Any]], without: str | None) -> None:
    wanted: Counter[str] = Counter()
    for group in groups:
        wanted[group["InstanceType"]] += int(group["InstanceCount"])
    others = [node.kind for each in everything() if each.name != without for node in each.nodes]
    for kind, more in wanted.items():
        quota, used = f"{kind} for cluster usage", others.count(kind)
        most = limit("sagemaker", quota)
        if most is not None and used + more > most:
            raise ApiError("ResourceLimitExceeded", exceeded(quota, most, used, more))


def failure(asked: Arguments) -> str | None:
    """Why the nodes won't come up."""
    for group in asked["InstanceGroups"]:
        name = group["InstanceGroupName"]
        plan = training_plans.check_group(group, asked.get("VpcConfig"))
        lacking = plan is not None and training_plans.lacks(plan, group, without=asked["ClusterName"])
        if lacking or faults.lacks_capacity((asked["ClusterName"],)):
            return f"We currently do not have sufficient capacity to launch new {group['InstanceType']} instances."
        missing = _missing_script(group.get("LifeCycleConfig") or {})
        if missing:
            return f"Lifecycle scripts did not run successfully for instance group {name}: {missing} isn't there."
        for storage in group.get("InstanceStorageConfigs") or ():
            problem = _mount_problem(storage.get("FsxLustreConfig"))
            if problem:
                return f"Instance group {name}: {problem}"
    return None


def _missing_script(config: Mapping[str, Any]) -> str | None:
    entry = config.get("OnInitComplete") or config.get("OnCreate")
    source = str(config.get("SourceS3Uri") or "")
    return f"{source.rstrip('/')}/{entry}" if entry and entry not in objects_below(source) else None


def _mount_problem(config: Mapping[str, Any] | None) -> str | None:
    if config is None:
        return None
    found = next((each for each in lustre.file_systems.values() if each.dns_name == config["DnsName"]), None)
    if found is None or found.mount_name != config["MountName"] or found.lifecycle != "AVAILABLE":
        return f"the file system {config['DnsName']}@tcp:/{config['MountName']} can't be mounted"
    return None


def _refuse(message: str) -> None:
    raise ApiError("ValidationException", message)
