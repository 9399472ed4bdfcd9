"""What AWS says about a cluster before it is started: zone, network cards, and the reservation's shape and window."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from llmstrat_iac.catalog.efa import efa_layout
from llmstrat_iac.components.ec2.cluster_shape import ClusterShape, cluster_shape
from llmstrat_iac.components.leftovers import pages, unless_absent
from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining import ResolvedPretraining

_USABLE = ("active", "scheduled", "pending", "assessing", "delayed")


def check_cluster(pretraining: ResolvedPretraining, session: AwsSession, *, now: datetime) -> Iterator[Finding]:
    """Yield what speaks for and against it. Quotas are elsewhere."""
    client, shape = session.client("ec2"), cluster_shape(pretraining)
    yield _check_zone(pretraining, client)
    yield from _check_cards(pretraining, shape, client)
    if shape.reserved:
        yield from _check_reservation(pretraining, shape, client, now)


def _check_zone(pretraining: ResolvedPretraining, client: Any) -> Finding:
    name, zone = pretraining.plan.instance.name, pretraining.cluster.zone
    offered = pages(
        client,
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [name]}],
    )
    zones = sorted(each["Location"] for each in offered)
    rule, path = "aws.ec2.offering", "cluster.zone" if zones else "cluster.instance"
    if zones and zone in (None, *zones):
        return Finding(rule, Severity.INFO, path, f"{name} is offered in {', '.join(zones)}")
    return Finding(
        rule,
        Severity.ERROR,
        path,
        f"{name} isn't offered in {zone}" if zones else f"{name} is offered in no zone of {pretraining.region}",
        reason="the whole cluster is in one zone, and EC2 has each GPU type in some zones only",
        remedy=f"take one of {', '.join(zones)}" if zones else "take another region, or another type as `instance`",
    )


def _check_cards(pretraining: ResolvedPretraining, shape: ClusterShape, client: Any) -> Iterator[Finding]:
    """The launch template is made from our table; a device that a card hasn't got fails every launch."""
    instance = pretraining.plan.instance
    described = client.describe_instance_types(InstanceTypes=[instance.name])["InstanceTypes"]
    if not described or not shape.efa:
        return
    network, known = described[0]["NetworkInfo"], efa_layout(instance)
    cards = network.get("NetworkCards") or ()
    found = (len(cards), network.get("EfaInfo", {}).get("MaximumEfaInterfaces", 0))
    if found == (known.cards, known.efa_interfaces) and _fits(shape, cards):
        text = f"{instance.name} has {found[0]} network cards and {found[1]} EFA devices, as planned"
        yield Finding("aws.ec2.efa", Severity.INFO, "cluster.instance", text)
        return
    yield Finding(
        "aws.ec2.efa",
        Severity.ERROR,
        "cluster.instance",
        f"{instance.name} has {found[0]} network cards and {found[1]} EFA devices, and {known.cards} and "
        f"{known.efa_interfaces} were planned with",
        reason="EC2 refuses to launch what names a card that isn't there, or a device that a card doesn't take",
        remedy="please report it; until then take another `cluster.instance`, or `runtime: sagemaker`",
    )


def _fits(shape: ClusterShape, cards: Any) -> bool:
    """Whether each card takes the kinds of interfaces that are asked of it; older answers don't say."""
    kinds = {card["NetworkCardIndex"]: card.get("InterfaceTypes") for card in cards}
    return all(not kinds.get(each.card) or each.kind in kinds[each.card] for each in shape.interfaces)


def _check_reservation(
    pretraining: ResolvedPretraining, shape: ClusterShape, client: Any, now: datetime
) -> Iterator[Finding]:
    cluster, instance = pretraining.cluster, pretraining.plan.instance
    identity = str(cluster.reservation)
    answer = unless_absent(lambda: client.describe_capacity_reservations(CapacityReservationIds=[identity]))
    found = answer["CapacityReservations"] if answer else ()
    if not found:
        yield _bad("cluster.reservation", f"there is no reservation `{identity}` in {pretraining.region}")
        return
    reservation = found[0]
    if reservation["State"] not in _USABLE:
        yield _bad("cluster.reservation", f"`{identity}` is {reservation['State']}")
        return
    if reservation["InstanceType"] != instance.name:
        text = f"`{identity}` holds {reservation['InstanceType']}, and the plan has {instance.name}"
        yield _bad("cluster.instance", text)
    if reservation["AvailabilityZone"] != cluster.zone:
        yield _bad("cluster.zone", f"`{identity}` is in {reservation['AvailabilityZone']}, not in {cluster.zone}")
    kind = "capacity-block" if reservation.get("ReservationType") == "capacity-block" else "reservation"
    if kind != cluster.capacity:
        yield _bad("cluster.capacity", f"`{identity}` is to be used with `capacity: {kind}`")
    # Before a block's begin nothing is available of it.
    held = reservation["AvailableInstanceCount" if reservation["State"] == "active" else "TotalInstanceCount"]
    if held < shape.instances:
        yield _few(pretraining, shape, reservation, held)
    yield from _check_window(pretraining, reservation, now)


def _few(pretraining: ResolvedPretraining, shape: ClusterShape, reservation: Any, held: int) -> Finding:
    """An `up` of a cluster that runs already finds its own nodes in it: only too few in total is an error."""
    total = reservation["TotalInstanceCount"]
    return Finding(
        "aws.ec2.reservation",
        Severity.ERROR if total < shape.instances else Severity.WARNING,
        "cluster.nodes",
        f"the reservation holds {total} instances, {held} of them free, and {shape.instances} are needed: "
        f"{shape.nodes} nodes and {pretraining.cluster.spare_nodes} spare",
        reason="what it doesn't hold isn't launched anywhere else; the nodes wait for each other, and bill",
        remedy="fewer `nodes` or `spare_nodes`, or a larger reservation; fine if this stack uses it already",
    )


def _check_window(pretraining: ResolvedPretraining, reservation: Any, now: datetime) -> Iterator[Finding]:
    start, end = reservation.get("StartDate"), reservation.get("EndDate")
    if start is not None and start > now:
        yield Finding(
            "aws.ec2.reservation",
            Severity.WARNING,
            "cluster.reservation",
            f"it begins {start.astimezone(UTC):%Y-%m-%d %H:%M} UTC: until then no node starts",
            reason="file system and network are there from `up` on, and bill",
            remedy="`up` shortly before",
        )
    if end is None:
        return
    days = (end - max(now, start or now)).total_seconds() / 86_400
    needed = pretraining.plan.days
    if days < needed.likely:
        yield Finding(
            "aws.ec2.reservation",
            Severity.ERROR if not pretraining.trainer.checkpoints.enabled else Severity.WARNING,
            "cluster.reservation",
            f"it ends {end.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {days:,.1f} days of use, and the run takes "
            f"{needed.low:,.1f} to {needed.high:,.1f} days",
            reason="half an hour before its end AWS terminates what still runs in a block",
            remedy="extend it or take a longer one; with checkpoints another `up` goes on in the next one",
        )


def _bad(path: str, message: str) -> Finding:
    return Finding(
        "aws.ec2.reservation",
        Severity.ERROR,
        path,
        message,
        reason="nodes are launched into this reservation, or not at all",
        remedy="`aws ec2 describe-capacity-reservations` shows what there is, `llmstrat capacity offers` what is on "
        "sale; change the spec accordingly",
    )
