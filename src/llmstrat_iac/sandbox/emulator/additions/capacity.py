"""Capacity reservations and capacity blocks of EC2, which ministack doesn't have. Nothing buys a block but a call."""

from __future__ import annotations

from llmstrat_iac.sandbox.emulator.additions.compute import EC2, EC2_REQUEST, answer_first
from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam


def _install() -> None:
    from llmstrat_iac.sandbox.emulator.compute import capacity_blocks as blocks
    from llmstrat_iac.sandbox.emulator.compute import reservations

    handlers = {
        "CreateCapacityReservation": reservations.create, "DescribeCapacityReservations": reservations.describe,
        "ModifyCapacityReservation": reservations.modify, "CancelCapacityReservation": reservations.cancel,
        "DescribeCapacityBlockOfferings": blocks.describe_offerings, "PurchaseCapacityBlock": blocks.purchase,
        "DescribeCapacityBlocks": blocks.describe,
    }  # fmt: skip
    answer_first(EC2, "ec2", handlers)


ADDITION = Addition(
    name="ec2-capacity",
    why="capacity reservations can only be listed, and are none; there are no capacity blocks",
    since="1.5.33",
    before="1.6",
    seams=(EC2_REQUEST, Seam(EC2, "_az_id_for_zone_name", ("zone_name",))),
    install=_install,
)
