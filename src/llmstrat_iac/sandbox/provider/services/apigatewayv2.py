"""API Gateway V2: VPC links, which REST APIs use, too."""

from __future__ import annotations

from typing import ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.apigateway_api import gateway_arn
from llmstrat_iac.sandbox.provider.services.shapes import answer, changed, request, tag_delta
from llmstrat_iac.sandbox.provider.services.waiting import wait
from llmstrat_iac.sandbox.provider.values import Props


@resource("aws:apigatewayv2/vpcLink:VpcLink")
class VpcLink(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "Name": "name", "SubnetIds": "subnetIds", "SecurityGroupIds": "securityGroupIds",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        client = call.client("apigatewayv2")
        rid = str(client.create_vpc_link(**request(args, {**self.NAMES, "Tags": "tagsAll"}))["VpcLinkId"])
        call.created_id = rid
        wait(lambda: str(client.get_vpc_link(VpcLinkId=rid)["VpcLinkStatus"]), "PENDING", "AVAILABLE")
        return rid

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("apigatewayv2").get_vpc_link(VpcLinkId=rid)
        return {
            **answer(found, self.NAMES),
            "arn": gateway_arn(call, f"vpclinks/{rid}"),
            "tagsAll": found.get("Tags") or {},
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("apigatewayv2")
        if changed(old, new, "name"):
            client.update_vpc_link(VpcLinkId=rid, Name=new["name"])
        added, removed = tag_delta(old, new)
        if added:
            client.tag_resource(ResourceArn=old["arn"], Tags=added)
        if removed:
            client.untag_resource(ResourceArn=old["arn"], TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("apigatewayv2")
        client.delete_vpc_link(VpcLinkId=rid)
        wait(lambda: str(client.get_vpc_link(VpcLinkId=rid)["VpcLinkStatus"]), "DELETING", "DELETED")
