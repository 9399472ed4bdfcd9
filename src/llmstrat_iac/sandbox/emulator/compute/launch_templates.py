"""Launch templates that keep all they are given: upstream drops EFA interfaces, market and capacity options."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2

from llmstrat_iac.sandbox.emulator.compute.filters import matches
from llmstrat_iac.sandbox.emulator.compute.tags import set_tags, specified, tags_of
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html: 16 KB, before it is encoded
_MOST_USER_DATA = 16_384
Record = dict[str, Any]


def create(asked: Arguments) -> Mapping[str, Any]:
    """CreateLaunchTemplate."""
    name = asked["LaunchTemplateName"]
    if any(each["LaunchTemplateName"] == name for each in ec2._launch_templates.values()):
        code = "InvalidLaunchTemplateName.AlreadyExistsException"
        raise ApiError(code, f"Launch template name already in use: {name}")
    record: Record = {
        "LaunchTemplateId": f"lt-{secrets.token_hex(9)[:17]}",
        "LaunchTemplateName": name,
        "CreateTime": ec2._now_ts(),
        "CreatedBy": f"arn:aws:iam::{get_account_id()}:root",
        "DefaultVersionNumber": 1,
        "LatestVersionNumber": 0,
        "Versions": [],
    }
    _add_version(record, asked)
    ec2._launch_templates[record["LaunchTemplateId"]] = record
    set_tags(record["LaunchTemplateId"], specified(asked.get("TagSpecifications"), "launch-template"))
    return {"LaunchTemplate": _shown(record)}


def create_version(asked: Arguments) -> Mapping[str, Any]:
    """CreateLaunchTemplateVersion."""
    record = _found(asked)
    source = asked.get("SourceVersion")
    base = _version(record, source)["LaunchTemplateData"] if source else {}
    data = {**base, **(asked.get("LaunchTemplateData") or {})}
    return {"LaunchTemplateVersion": _add_version(record, {**asked, "LaunchTemplateData": data})}


def _add_version(record: Record, asked: Arguments) -> Record:
    data = asked.get("LaunchTemplateData") or {}
    check_user_data(data.get("UserData"))
    record["LatestVersionNumber"] += 1
    version = {
        "LaunchTemplateId": record["LaunchTemplateId"],
        "LaunchTemplateName": record["LaunchTemplateName"],
        "VersionNumber": record["LatestVersionNumber"],
        "VersionDescription": asked.get("VersionDescription"),
        "CreateTime": ec2._now_ts(),
        "CreatedBy": record["CreatedBy"],
        "DefaultVersion": record["LatestVersionNumber"] == record["DefaultVersionNumber"],
        "LaunchTemplateData": _completed(data),
    }
    record["Versions"].append(version)
    return version


def _completed(data: Mapping[str, Any]) -> Record:
    """EC2 answers with a state beside the metadata options that were asked for."""
    options = data.get("MetadataOptions")
    return {**data, **({"MetadataOptions": {"State": "pending", **options}} if options else {})}


def check_user_data(encoded: str | None) -> None:
    """Refuse what EC2 refuses: text that isn't base64, or more than 16 KB of it."""
    try:
        size = len(base64.b64decode(encoded or "", validate=True))
    except binascii.Error:
        raise ApiError("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
    if size > _MOST_USER_DATA:
        raise ApiError("InvalidParameterValue", f"User data is limited to {_MOST_USER_DATA} bytes")


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeLaunchTemplates."""
    for template_id in asked.get("LaunchTemplateIds") or ():
        _found({"LaunchTemplateId": template_id})
    for name in asked.get("LaunchTemplateNames") or ():
        _found({"LaunchTemplateName": name})
    ids, names = asked.get("LaunchTemplateIds"), asked.get("LaunchTemplateNames")
    records = [
        record
        for record in ec2._launch_templates.values()
        if (not ids or record["LaunchTemplateId"] in ids) and (not names or record["LaunchTemplateName"] in names)
    ]
    kept = [
        record
        for record in records
        if matches(
            asked.get("Filters"),
            {"launch-template-name": [record["LaunchTemplateName"]], "create-time": [record["CreateTime"]]},
            tags_of(record["LaunchTemplateId"]),
        )
    ]
    return {"LaunchTemplates": [_shown(record) for record in kept]}


def describe_versions(asked: Arguments) -> Mapping[str, Any]:
    """DescribeLaunchTemplateVersions."""
    record = _found(asked)
    wanted = asked.get("Versions")
    versions = [_version(record, each) for each in wanted] if wanted else list(record["Versions"])
    default = record["DefaultVersionNumber"]
    return {
        "LaunchTemplateVersions": [{**each, "DefaultVersion": each["VersionNumber"] == default} for each in versions]
    }


def modify(asked: Arguments) -> Mapping[str, Any]:
    """ModifyLaunchTemplate: the default version."""
    record = _found(asked)
    if asked.get("DefaultVersion"):
        record["DefaultVersionNumber"] = _version(record, asked["DefaultVersion"])["VersionNumber"]
    return {"LaunchTemplate": _shown(record)}


def delete(asked: Arguments) -> Mapping[str, Any]:
    """DeleteLaunchTemplate; groups that use it aren't in the way."""
    record = _found(asked)
    ec2._launch_templates.pop(record["LaunchTemplateId"], None)
    ec2._tags.pop(record["LaunchTemplateId"], None)
    return {"LaunchTemplate": _shown(record)}


def resolve(specification: Mapping[str, Any]) -> tuple[Record, int]:
    """The data of the version that a launch asks for, and its number."""
    version = _version(_found(specification), specification.get("Version") or "$Default")
    return version["LaunchTemplateData"], version["VersionNumber"]


def template_of(specification: Mapping[str, Any]) -> Record:
    """The template that a specification names."""
    return _found(specification)


def _shown(record: Record) -> Record:
    return {
        **{key: value for key, value in record.items() if key != "Versions"},
        "Tags": tags_of(record["LaunchTemplateId"]),
    }


def _found(asked: Mapping[str, Any]) -> Record:
    template_id, name = asked.get("LaunchTemplateId"), asked.get("LaunchTemplateName")
    if not template_id and not name:
        raise ApiError("MissingParameter", "Either a launch template ID or a launch template name must be specified.")
    for record in ec2._launch_templates.values():
        if template_id in (None, "", record["LaunchTemplateId"]) and name in (None, "", record["LaunchTemplateName"]):
            return record  # type: ignore[no-any-return]
    if template_id:
        message = f"The specified launch template, with template ID {template_id}, does not exist."
        raise ApiError("InvalidLaunchTemplateId.NotFound", message)
    message = f"The specified launch template, with template name {name}, does not exist."
    raise ApiError("InvalidLaunchTemplateName.NotFoundException", message)


def _version(record: Record, wanted: str) -> Record:
    named = {"$Latest": record["LatestVersionNumber"], "$Default": record["DefaultVersionNumber"]}
    number = named.get(wanted, wanted)
    for version in record["Versions"]:
        if str(version["VersionNumber"]) == str(number):
            return version  # type: ignore[no-any-return]
    message = f"Could not find version {wanted} of launch template {record['LaunchTemplateId']}."
    raise ApiError("InvalidLaunchTemplateId.VersionNotFound", message)
