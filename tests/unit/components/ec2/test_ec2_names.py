"""Names and descriptions are such as AWS takes, for the longest stack and for the oddest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ec2_kit import S3_MODEL, served, trained

LIMITS = {
    "aws:iam/role:Role": 64,
    "aws:iam/instanceProfile:InstanceProfile": 128,
    "aws:scheduler/schedule:Schedule": 64,
    "aws:scheduler/scheduleGroup:ScheduleGroup": 64,
    "aws:lb/loadBalancer:LoadBalancer": 32,
    "aws:lb/targetGroup:TargetGroup": 32,
    "aws:ec2/launchTemplate:LaunchTemplate": 128,
    "aws:ec2/securityGroup:SecurityGroup": 255,
    "aws:autoscaling/group:Group": 255,
}
RESERVED = {
    "aws:lb/loadBalancer:LoadBalancer": ("internal-",),
    "aws:ec2/securityGroup:SecurityGroup": ("sg-",),
}
DESCRIPTION = re.compile(r"^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}$")
"""Of security groups and their rules: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html"""
LONGEST = {"name": "a" * 24, "environment": "b" * 12}


@pytest.mark.parametrize(
    "spec", [LONGEST, {"name": "internal-chat"}, {"name": "sg-chat"}], ids=lambda spec: spec["name"]
)
def test_names_are_short_enough_and_begin_with_nothing_reserved(spec: dict[str, str], tmp_path: Path) -> None:
    programs = (
        served(tmp_path, spec=spec),
        trained(tmp_path, spec=spec),
        trained(tmp_path, spec=spec, capacity="spot"),
    )
    seen = set()
    for registration in (each for deployed in programs for each in deployed.registrations):
        if registration.type in LIMITS:
            seen.add(registration.type)
            name = registration.inputs["name"]
            assert len(name) <= LIMITS[registration.type], registration.type
            assert not name.startswith(RESERVED.get(registration.type, ("aws:",)))
    assert seen == set(LIMITS)


def test_descriptions_have_no_apostrophes(tmp_path: Path) -> None:
    programs = (served(tmp_path), served(tmp_path, model=S3_MODEL), trained(tmp_path))
    described = [
        each.inputs["description"]
        for deployed in programs
        for each in deployed.registrations
        if "ecurityGroup" in each.type and "description" in each.inputs
    ]
    assert described
    assert [text for text in described if not DESCRIPTION.match(text)] == []
