"""What the emulator's SageMaker hosts, by account and region. Jobs and tags are the tuning store's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_region

from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE, arn, tag_map
from llmstrat_iac.sandbox.jobs import Course, Phase, clock


@dataclass
class Kept:
    """A model or an endpoint configuration: what was asked for, immutable."""

    arn: str
    name: str
    asked: Arguments
    created: float = field(default_factory=clock)


@dataclass
class Variant:
    """A production variant of an endpoint as it is now."""

    asked: Arguments
    instances: int
    weight: float

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.asked["VariantName"])


@dataclass
class Endpoint:
    """An endpoint on its way to `config`; `before` is what it served until an update began, None at first."""

    arn: str
    name: str
    config: str
    variants: list[Variant]
    course: Course
    asked: Arguments
    before: tuple[str, list[Variant]] | None = None
    created: float = field(default_factory=clock)

    @property
    def status(self) -> str:
        """As DescribeEndpoint has it. A failed update rolls back, so only a failed creation stays failed."""
        phase = self.course.phase()
        if phase is Phase.COMPLETED or (phase is Phase.FAILED and self.before):
            return "InService"
        if phase is Phase.FAILED:
            return "Failed"
        return "Updating" if self.before else "Creating"

    @property
    def answers(self) -> bool:
        """Whether it serves: what is being updated serves on."""
        return self.status in ("InService", "Updating")

    @property
    def serving(self) -> list[Variant]:
        """The variants that answer now: the old ones until an update is through, or if it has failed."""
        if self.before and self.course.phase() is not Phase.COMPLETED:
            return self.before[1]
        return self.variants


@dataclass
class Component:
    """An inference component: a model on an endpoint of several, with `copies` that autoscaling changes."""

    arn: str
    name: str
    endpoint: str
    variant: str
    asked: Arguments
    copies: int
    course: Course
    updating: bool = False
    created: float = field(default_factory=clock)

    @property
    def status(self) -> str:
        """As DescribeInferenceComponent has it."""
        phase = self.course.phase()
        if phase is Phase.COMPLETED:
            return "InService"
        return "Failed" if phase is Phase.FAILED else "Updating" if self.updating else "Creating"

    @property
    def ready(self) -> int:
        """Copies that answer now."""
        return self.copies if self.status == "InService" else 0


class Hosting:
    """Everything by name."""

    def __init__(self) -> None:
        self.models = AccountRegionScopedDict()
        self.configs = AccountRegionScopedDict()
        self.endpoints = AccountRegionScopedDict()
        self.components = AccountRegionScopedDict()


HOSTING = Hosting()


def keep(names: Any, kind: str, name: str, asked: Arguments) -> Kept:
    """Remember something new with its tags; refused if the name is taken."""
    if name in names:
        raise ApiError("ValidationException", f'Cannot create already existing {kind} "{arn(f"{kind}/{name}")}".')
    made = Kept(arn(f"{kind}/{name}"), name, asked)
    names[name] = made
    STORE.tags[made.arn] = tag_map(asked.get("Tags"))
    return made


def found(names: Any, kind: str, name: str) -> Any:
    """Something that exists, or SageMaker's word that it doesn't."""
    item = names.get(name)
    if item is None:
        raise ApiError("ValidationException", f'Could not find {kind} "{arn(f"{kind}/{name}")}".')
    return item


def forget(names: Any, item: Any) -> None:
    """Delete something with its tags."""
    del names[item.name]
    STORE.tags.pop(item.arn, None)


def listed(names: Any, asked: Arguments) -> list[Any]:
    """What the filters that all lists have leave, the newest first unless asked otherwise."""
    wanted = asked.get("NameContains") or ""
    status = asked.get("StatusEquals")
    items = [
        item for item in names.values() if wanted in item.name and (status in (None, getattr(item, "status", None)))
    ]
    return sorted(items, key=lambda item: item.created, reverse=asked.get("SortOrder") != "Ascending")


def region() -> str:
    """Of this request."""
    return str(get_region())
