"""Functions that look up images, instance types and where they are offered."""

from __future__ import annotations

import re

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.registry import Call, function
from llmstrat_iac.sandbox.provider.services.shapes import pascal, request
from llmstrat_iac.sandbox.provider.values import Props


@function("aws:ec2/getAmi:getAmi")
def get_ami(call: Call, args: Props) -> Props:
    """One image; several are an error unless the newest is asked for."""
    if args.get("mostRecent") and not args.get("owners") and not args.get("allowUnsafeFilter"):
        named = {each["name"] for each in args.get("filters") or ()}
        if not named & {"owner-id", "owner-alias", "image-id"}:
            raise SandboxError("most_recent without owners or a filter by owner or image id takes anybody's image")
    options = request(args, {"Owners": "owners", "ExecutableUsers": "executableUsers"})
    found = call.client("ec2").describe_images(Filters=[pascal(each) for each in args.get("filters") or ()], **options)
    pattern = re.compile(args.get("nameRegex") or "")
    images = sorted(
        (each for each in found["Images"] if pattern.search(each.get("Name", ""))),
        key=lambda each: str(each.get("CreationDate")),
    )
    if not images:
        raise SandboxError("Your query returned no results. Please change your search criteria and try again.")
    if len(images) > 1 and not args.get("mostRecent"):
        raise SandboxError("Your query returned more than one result: be more specific, or set most_recent.")
    return {**args, **_image(call, images[-1])}


def _image(call: Call, image: Props) -> Props:
    texts = {
        "architecture": "Architecture", "bootMode": "BootMode", "creationDate": "CreationDate",
        "deprecationTime": "DeprecationTime", "description": "Description", "hypervisor": "Hypervisor",
        "imageLocation": "ImageLocation", "imageOwnerAlias": "ImageOwnerAlias", "imageType": "ImageType",
        "imdsSupport": "ImdsSupport", "kernelId": "KernelId", "lastLaunchedTime": "LastLaunchedTime", "name": "Name",
        "ownerId": "OwnerId", "platform": "Platform", "platformDetails": "PlatformDetails", "ramdiskId": "RamdiskId",
        "rootDeviceName": "RootDeviceName", "rootDeviceType": "RootDeviceType", "sriovNetSupport": "SriovNetSupport",
        "state": "State", "tpmSupport": "TpmSupport", "usageOperation": "UsageOperation",
        "virtualizationType": "VirtualizationType",
    }  # fmt: skip
    rid = str(image["ImageId"])
    return {
        **{prop: str(image.get(api) or "") for prop, api in texts.items()},
        "id": rid,
        "imageId": rid,
        "arn": f"arn:{call.partition}:ec2:{call.region}::image/{rid}",
        "region": call.region,
        "public": bool(image.get("Public")),
        "enaSupport": bool(image.get("EnaSupport", True)),
        "blockDeviceMappings": [],
        "productCodes": [],
        "rootSnapshotId": "",
        "stateReason": {},
        "tags": {},
    }


@function("aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings")
def get_instance_type_offerings(call: Call, args: Props) -> Props:
    """Three parallel lists: types, and the places that have them."""
    ec2 = call.client("ec2")
    options = request(args, {"LocationType": "locationType"})
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        Filters=[pascal(each) for each in args.get("filters") or ()], **options
    )
    rows = [row for page in pages for row in page["InstanceTypeOfferings"]]
    return {
        **args,
        "id": call.region,
        "region": call.region,
        "instanceTypes": [row["InstanceType"] for row in rows],
        "locations": [row["Location"] for row in rows],
        "locationTypes": [row["LocationType"] for row in rows],
    }


@function("aws:ec2/getInstanceType:getInstanceType")
def get_instance_type(call: Call, args: Props) -> Props:
    """What EC2 tells of one type; what the emulator doesn't know is empty."""
    name = args["instanceType"]
    found = call.client("ec2").describe_instance_types(InstanceTypes=[name])["InstanceTypes"][0]
    network, cpus = found["NetworkInfo"], found["VCpuInfo"]
    gpus, storage = found.get("GpuInfo") or {}, found.get("InstanceStorageInfo") or {}
    return {
        **_UNKNOWN,
        "id": name,
        "instanceType": name,
        "region": call.region,
        "defaultVcpus": cpus["DefaultVCpus"],
        "defaultCores": cpus["DefaultCores"],
        "defaultThreadsPerCore": cpus["DefaultThreadsPerCore"],
        "memorySize": found["MemoryInfo"]["SizeInMiB"],
        "gpuses": [
            {
                "count": each["Count"], "manufacturer": each["Manufacturer"], "name": each["Name"],
                "memorySize": each["MemoryInfo"]["SizeInMiB"],
            }
            for each in gpus.get("Gpus") or ()
        ],
        "totalGpuMemory": gpus.get("TotalGpuMemoryInMiB") or 0,
        "instanceStorageSupported": found["InstanceStorageSupported"],
        "totalInstanceStorage": storage.get("TotalSizeInGB") or 0,
        "instanceDisks": [
            {"count": each["Count"], "size": each["SizeInGB"], "type": each["Type"]}
            for each in storage.get("Disks") or ()
        ],
        "efaSupported": network["EfaSupported"],
        "efaMaximumInterfaces": (network.get("EfaInfo") or {}).get("MaximumEfaInterfaces") or 0,
        "enaSupport": network["EnaSupport"],
        "networkPerformance": network["NetworkPerformance"],
        "maximumNetworkCards": network["MaximumNetworkCards"],
        "maximumNetworkInterfaces": network["MaximumNetworkInterfaces"],
        "defaultNetworkCardIndex": network["DefaultNetworkCardIndex"],
        "networkCards": [
            {
                "index": each["NetworkCardIndex"], "performance": each["NetworkPerformance"],
                "maximumInterfaces": each["MaximumNetworkInterfaces"],
                "baselineBandwidth": each["BaselineBandwidthInGbps"], "peakBandwidth": each["PeakBandwidthInGbps"],
            }
            for each in network["NetworkCards"]
        ],
        "ipv6Supported": network["Ipv6Supported"],
        "maximumIpv4AddressesPerInterface": network["Ipv4AddressesPerInterface"],
        "maximumIpv6AddressesPerInterface": network["Ipv6AddressesPerInterface"],
        "supportedArchitectures": found["ProcessorInfo"]["SupportedArchitectures"],
        "supportedPlacementStrategies": found["PlacementGroupInfo"]["SupportedStrategies"],
        "supportedRootDeviceTypes": found["SupportedRootDeviceTypes"],
        "supportedUsagesClasses": found["SupportedUsageClasses"],
        "supportedVirtualizationTypes": found["SupportedVirtualizationTypes"],
        "bareMetal": found["BareMetal"],
        "currentGeneration": found["CurrentGeneration"],
        "freeTierEligible": found["FreeTierEligible"],
        "hypervisor": found["Hypervisor"],
        "burstablePerformanceSupported": found["BurstablePerformanceSupported"],
        "autoRecoverySupported": found["AutoRecoverySupported"],
        "ebsEncryptionSupport": found["EbsInfo"]["EncryptionSupport"],
        "ebsNvmeSupport": found["EbsInfo"]["NvmeSupport"],
        "ebsOptimizedSupport": found["EbsInfo"]["EbsOptimizedSupport"],
    }  # fmt: skip


_LISTS = (
    "bandwidthWeightings", "bootModes", "fpgas", "inferenceAccelerators", "mediaAccelerators", "neuronDevices",
    "nitroTpmSupportedVersions", "supportedCpuFeatures", "validCores", "validThreadsPerCores",
)  # fmt: skip
_TEXTS = ("nitroEnclavesSupport", "nitroTpmSupport", "phcSupport")
_NUMBERS = (
    "ebsPerformanceBaselineBandwidth", "ebsPerformanceBaselineIops", "ebsPerformanceBaselineThroughput",
    "ebsPerformanceMaximumBandwidth", "ebsPerformanceMaximumIops", "ebsPerformanceMaximumThroughput",
    "sustainedClockSpeed", "totalFpgaMemory", "totalInferenceMemory", "totalMediaMemory", "totalNeuronDeviceMemory",
)  # fmt: skip
_TRUTHS = ("dedicatedHostsSupported", "enaSrdSupported", "encryptionInTransitSupported", "hibernationSupported")
_UNKNOWN: Props = {
    **{name: [] for name in _LISTS}, **dict.fromkeys(_TEXTS, ""), **dict.fromkeys(_NUMBERS, 0),
    **dict.fromkeys(_TRUTHS, False),
}  # fmt: skip
