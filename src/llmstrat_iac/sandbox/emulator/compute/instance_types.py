"""What EC2 tells of instance types: the catalogue's GPU types in full, and common types without GPUs by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_region

from llmstrat_iac.catalog.efa import efa_layout
from llmstrat_iac.catalog.instances import InstanceType, find_instance, instances
from llmstrat_iac.sandbox.emulator.compute.filters import matches
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

_GENERAL = ("t3", "m5", "m6i", "m7i", "c5", "c6i", "c7i", "r5", "r6i", "r7i")
_SIZES = {
    "nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16,
    "8xlarge": 32, "12xlarge": 48, "16xlarge": 64, "24xlarge": 96,
}  # fmt: skip
_BURSTABLE_MIB = {"nano": 512, "micro": 1024, "small": 2048, "medium": 4096, "large": 8192, "xlarge": 16384}
_GIB_PER_VCPU = {"c": 2, "m": 4, "r": 8, "t": 4}
# The largest types aren't in every zone of a region on AWS either; which zone lacks them is the sandbox's own choice.
_SCARCE = ("p4", "p5", "p6")
_SCARCE_ZONES = ("a", "b")
_ZONES = ("a", "b", "c")


@dataclass(frozen=True)
class Size:
    """What a launch needs to know of a type."""

    name: str
    architecture: str
    interfaces: int
    efa_interfaces: int
    nvme_gb: float


def size_of(name: str) -> Size:
    """A type by its name; an ApiError as EC2's if there is none."""
    gpu = find_instance(name)
    if gpu is not None and not name.startswith("ml."):
        return Size(name, "x86_64", _interfaces(gpu), gpu.efa_interfaces, gpu.nvme_gb)
    if _general(name) is None:
        raise ApiError("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.")
    return Size(name, "x86_64", 4, 0, 0)


def offered(name: str, zone: str) -> bool:
    """Whether a zone has a type."""
    return not name.startswith(_SCARCE) or zone.endswith(_SCARCE_ZONES)


def describe_types(asked: Arguments) -> Mapping[str, Any]:
    """DescribeInstanceTypes."""
    names = asked.get("InstanceTypes") or _all_names()
    found = [_described(name) for name in names]
    return {"InstanceTypes": [each for each in found if matches(asked.get("Filters"), _facts(each), wild=True)]}


def describe_offerings(asked: Arguments) -> Mapping[str, Any]:
    """DescribeInstanceTypeOfferings, by region or by zone."""
    kind = asked.get("LocationType") or "region"
    region = get_region()
    places = [region] if kind == "region" else [f"{region}{letter}" for letter in _ZONES]
    rows = [
        {"InstanceType": name, "LocationType": kind, "Location": _location(place, kind)}
        for name in _all_names()
        for place in places
        if kind == "region" or offered(name, place)
    ]
    facts = [(row, {"instance-type": [row["InstanceType"]], "location": [row["Location"]]}) for row in rows]
    return {"InstanceTypeOfferings": [row for row, fact in facts if matches(asked.get("Filters"), fact, wild=True)]}


def _location(place: str, kind: str) -> str:
    from ministack.services import ec2

    return str(ec2._az_id_for_zone_name(place)) if kind == "availability-zone-id" else place


def _all_names() -> list[str]:
    general = [f"{family}.{size}" for family in _GENERAL for size in _SIZES if _general(f"{family}.{size}")]
    return [each.name for each in instances()] + general


def _general(name: str) -> tuple[int, int] | None:
    """vCPUs and MiB of a type without GPUs."""
    found = re.fullmatch(r"([a-z]+)\d+[a-z]*\.(\w+)", name)
    family, _, size = name.partition(".")
    if found is None or family not in _GENERAL or size not in _SIZES:
        return None
    vcpus = _SIZES[size]
    if family.startswith("t"):
        mib = _BURSTABLE_MIB.get(size, vcpus * 4096)
        return (vcpus, mib) if vcpus <= 8 else None
    return None if size in ("nano", "micro", "small", "medium") else (vcpus, vcpus * _GIB_PER_VCPU[family[0]] * 1024)


def _described(name: str) -> dict[str, Any]:
    gpu = find_instance(name)
    if gpu is not None:
        return _gpu_type(gpu)
    general = _general(name)
    if general is None:
        raise ApiError("InvalidInstanceType", f"The following supplied instance types do not exist: [{name}]")
    return _type(name, *general, network_gbps=10.0, interfaces=4, cards=1, efa=0)


def _interfaces(gpu: InstanceType) -> int:
    return max(4, 2 * gpu.efa_interfaces)


def _gpu_type(gpu: InstanceType) -> dict[str, Any]:
    cards = efa_layout(gpu).cards
    described = _type(
        gpu.name, gpu.vcpus, int(gpu.memory_gib * 1024), network_gbps=gpu.network_gbps, interfaces=_interfaces(gpu),
        cards=cards, efa=gpu.efa_interfaces,
    )  # fmt: skip
    memory = int(gpu.accelerator_gib * 1024)
    maker, _, model = gpu.accelerator.partition(" ")
    each = {"Name": model, "Manufacturer": maker, "Count": gpu.accelerators, "MemoryInfo": {"SizeInMiB": memory}}
    described["GpuInfo"] = {"Gpus": [each], "TotalGpuMemoryInMiB": memory * gpu.accelerators}
    if gpu.nvme_gb:
        disk = {"SizeInGB": int(gpu.nvme_gb), "Count": 1, "Type": "ssd"}
        described["InstanceStorageSupported"] = True
        described["InstanceStorageInfo"] = {
            "TotalSizeInGB": int(gpu.nvme_gb), "Disks": [disk], "NvmeSupport": "required",
            "EncryptionSupport": "required",
        }  # fmt: skip
    return described


def _type(
    name: str, vcpus: int, mib: int, *, network_gbps: float, interfaces: int, cards: int, efa: int
) -> dict[str, Any]:
    speed = f"{network_gbps:g} Gigabit"
    network: dict[str, Any] = {
        "NetworkPerformance": speed,
        "MaximumNetworkInterfaces": interfaces,
        "MaximumNetworkCards": cards,
        "DefaultNetworkCardIndex": 0,
        "NetworkCards": [
            {
                "NetworkCardIndex": index, "NetworkPerformance": speed, "MaximumNetworkInterfaces": interfaces // cards,
                "BaselineBandwidthInGbps": network_gbps / cards, "PeakBandwidthInGbps": network_gbps / cards,
            }
            for index in range(cards)
        ],
        "Ipv4AddressesPerInterface": 15,
        "Ipv6AddressesPerInterface": 15,
        "Ipv6Supported": True,
        "EnaSupport": "required",
        "EfaSupported": efa > 0,
        "EncryptionInTransitSupported": True,
    }  # fmt: skip
    if efa:
        network["EfaInfo"] = {"MaximumEfaInterfaces": efa}
    return {
        "InstanceType": name,
        "CurrentGeneration": True,
        "FreeTierEligible": name == "t3.micro",
        "SupportedUsageClasses": ["on-demand", "spot"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": name.endswith(".metal"),
        "Hypervisor": "nitro",
        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
        "VCpuInfo": {"DefaultVCpus": vcpus, "DefaultCores": max(1, vcpus // 2), "DefaultThreadsPerCore": 2},
        "MemoryInfo": {"SizeInMiB": mib},
        "InstanceStorageSupported": False,
        "EbsInfo": {"EbsOptimizedSupport": "default", "EncryptionSupport": "supported", "NvmeSupport": "required"},
        "NetworkInfo": network,
        "PlacementGroupInfo": {"SupportedStrategies": ["cluster", "partition", "spread"]},
        "HibernationSupported": False,
        "BurstablePerformanceSupported": name.startswith("t"),
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": True,
    }


def _facts(described: Mapping[str, Any]) -> dict[str, list[str]]:
    """What DescribeInstanceTypes can be filtered by."""
    return {
        "instance-type": [described["InstanceType"]],
        "current-generation": ["true"],
        "bare-metal": [str(described["BareMetal"]).lower()],
        "instance-storage-supported": [str(described["InstanceStorageSupported"]).lower()],
        "network-info.efa-supported": [str(described["NetworkInfo"]["EfaSupported"]).lower()],
        "processor-info.supported-architecture": ["x86_64"],
        "supported-usage-class": list(described["SupportedUsageClasses"]),
        "vcpu-info.default-vcpus": [str(described["VCpuInfo"]["DefaultVCpus"])],
    }
