"""Launch templates and placement groups."""

from __future__ import annotations

from typing import ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.ec2_shapes import from_api, to_api
from llmstrat_iac.sandbox.provider.services.ec2_tagging import arn_of, retag, specifications
from llmstrat_iac.sandbox.provider.services.shapes import changed, request, tag_list, tag_map
from llmstrat_iac.sandbox.provider.values import Props

# What stands under another name in a template's data.
RENAMED = {"vpcSecurityGroupIds": "SecurityGroupIds", "securityGroupNames": "SecurityGroups"}
DATA = (
    "blockDeviceMappings", "capacityReservationSpecification", "cpuOptions", "creditSpecification", "disableApiStop",
    "disableApiTermination", "ebsOptimized", "enclaveOptions", "hibernationOptions", "iamInstanceProfile", "imageId",
    "instanceInitiatedShutdownBehavior", "instanceMarketOptions", "instanceRequirements", "instanceType", "kernelId",
    "keyName", "licenseSpecifications", "maintenanceOptions", "metadataOptions", "monitoring", "networkInterfaces",
    "networkPerformanceOptions", "placement", "privateDnsNameOptions", "ramDiskId", "secondaryInterfaces",
    "securityGroupNames", "tagSpecifications", "userData", "vpcSecurityGroupIds",
)  # fmt: skip


@resource("aws:ec2/launchTemplate:LaunchTemplate")
class LaunchTemplate(Resource):
    """Any change of what is launched makes a new version; the id stays."""

    def create(self, call: Call, args: Props) -> str:
        made = call.client("ec2").create_launch_template(
            LaunchTemplateName=args["name"],
            LaunchTemplateData=_data(args),
            TagSpecifications=specifications(args, "launch-template"),
            **request(args, {"VersionDescription": "description"}),
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        ec2 = call.client("ec2")
        template = ec2.describe_launch_templates(LaunchTemplateIds=[rid])["LaunchTemplates"][0]
        latest = template["LatestVersionNumber"]
        versions = ec2.describe_launch_template_versions(LaunchTemplateId=rid, Versions=[str(latest)])
        version = versions["LaunchTemplateVersions"][0]
        return {
            **_props(version["LaunchTemplateData"]),
            "arn": arn_of(call, "launch-template", rid),
            "name": template["LaunchTemplateName"],
            "description": version.get("VersionDescription"),
            "defaultVersion": template["DefaultVersionNumber"],
            "latestVersion": latest,
            "tagsAll": tag_map(template.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        ec2 = call.client("ec2")
        latest = old["latestVersion"]
        if _data(old) != _data(new) or changed(old, new, "description"):
            made = ec2.create_launch_template_version(
                LaunchTemplateId=rid,
                LaunchTemplateData=_data(new),
                **request(new, {"VersionDescription": "description"}),
            )
            latest = made["LaunchTemplateVersion"]["VersionNumber"]
        default = latest if new.get("updateDefaultVersion") else new.get("defaultVersion")
        if default and default != old.get("defaultVersion"):
            ec2.modify_launch_template(LaunchTemplateId=rid, DefaultVersion=str(default))
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("ec2").delete_launch_template(LaunchTemplateId=rid)


def _data(args: Props) -> Props:
    data = {name: args[name] for name in DATA if name in args and name not in RENAMED and name != "tagSpecifications"}
    result: Props = to_api(data)
    result |= {api: args[prop] for prop, api in RENAMED.items() if args.get(prop)}
    if args.get("tagSpecifications"):
        result["TagSpecifications"] = [
            {"ResourceType": each["resourceType"], "Tags": tag_list(each.get("tags"))}
            for each in args["tagSpecifications"]
        ]
    return result


def _props(data: Props) -> Props:
    back = {api: prop for prop, api in RENAMED.items()}
    blocks = {api: item for api, item in data.items() if api not in back and api != "TagSpecifications"}
    result: Props = {**dict.fromkeys(DATA), **from_api(blocks)}
    result |= {prop: data.get(api) for api, prop in back.items()}
    if result.get("metadataOptions"):
        result["metadataOptions"].pop("state", None)
    result["tagSpecifications"] = [
        {"resourceType": each["ResourceType"], "tags": tag_map(each["Tags"])}
        for each in data.get("TagSpecifications") or ()
    ]
    return result


@resource("aws:ec2/placementGroup:PlacementGroup")
class PlacementGroup(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "GroupName": "name",
        "Strategy": "strategy",
        "PartitionCount": "partitionCount",
        "SpreadLevel": "spreadLevel",
    }

    def create(self, call: Call, args: Props) -> str:
        call.client("ec2").create_placement_group(
            **request(args, self.NAMES), TagSpecifications=specifications(args, "placement-group")
        )
        return str(args["name"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("ec2").describe_placement_groups(GroupNames=[rid])["PlacementGroups"][0]
        return {
            "arn": found["GroupArn"],
            "name": rid,
            "placementGroupId": found["GroupId"],
            "strategy": found["Strategy"],
            "partitionCount": found.get("PartitionCount", 0),
            "tagsAll": tag_map(found.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        retag(call, old["placementGroupId"], old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("ec2").delete_placement_group(GroupName=rid)
