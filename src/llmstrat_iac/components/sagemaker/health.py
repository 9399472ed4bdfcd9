"""How a SageMaker endpoint is: its status, its instances, and the reason of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.open_model import FleetHealth


def fleet_health(outputs: Mapping[str, Any], session: AwsSession) -> FleetHealth:
    """Ask SageMaker."""
    name = str(outputs["endpoint_name"])
    try:
        endpoint = session.client("sagemaker").describe_endpoint(EndpointName=name)
    except ClientError as error:
        if "Could not find endpoint" not in str(error):
            raise
        if outputs.get("paused"):
            return FleetHealth("no endpoint: paused", well=True)
        return FleetHealth(
            "no endpoint", well=False, problems=(f"`{name}` is gone: its time is up, or it was deleted",)
        )
    status = endpoint["EndpointStatus"]
    counts = [
        f"{variant.get('CurrentInstanceCount', 0)} of {variant.get('DesiredInstanceCount', 0)} instances"
        for variant in endpoint.get("ProductionVariants") or ()
    ]
    problems = (str(endpoint["FailureReason"]),) if endpoint.get("FailureReason") else ()
    return FleetHealth(", ".join([status, *counts]), well=status == "InService", problems=problems)
