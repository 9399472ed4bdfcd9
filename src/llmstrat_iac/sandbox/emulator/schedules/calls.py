"""API calls that the emulator makes to itself, as AWS's schedulers make them: by the service's own model."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, DataNotFoundError
from botocore.model import OperationNotFoundError

from llmstrat_iac.sandbox.emulator.schedules.timetable import CallError
from llmstrat_iac.sandbox.emulator.tuning.shapes import service_model

_UNIVERSAL = re.compile(r"arn:[\w-]+:scheduler:::aws-sdk:([a-z0-9]+):([a-z]\w*)")
_CONFIG = Config(retries={"total_max_attempts": 1}, proxies={}, connect_timeout=5, read_timeout=30)


@dataclass(frozen=True)
class Call:
    """One operation with its arguments, named as botocore names them."""

    service: str
    operation: str
    arguments: Mapping[str, Any]
    account: str
    region: str

    def __str__(self) -> str:
        told = " ".join(f"{name}={_brief(value)}" for name, value in self.arguments.items())
        return f"{self.service}:{self.operation} {told}".rstrip()

    @property
    def permission(self) -> str:
        """The IAM action that it needs."""
        metadata = service_model(self.service).metadata
        return f"{metadata.get('signingName', metadata['endpointPrefix'])}:{self.operation}"

    async def make(self) -> None:
        """Call it over HTTP, as anybody would; raises CallError."""
        await asyncio.to_thread(self._make)

    def _make(self) -> None:
        import boto3

        # The emulator takes the account from the key, and the secret from its environment.
        session = boto3.Session(
            aws_access_key_id=self.account,
            aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            region_name=self.region,
        )
        client = session.client(self.service, endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=_CONFIG)
        try:
            getattr(client, xform_name(self.operation))(**self.arguments)
        except ClientError as error:
            raise CallError(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}") from error
        except BotoCoreError as error:
            raise CallError(" ".join(str(error).split()), final=True) from error


def universal_call(target: str, text: str, account: str, region: str) -> Call:
    """The call of a universal target and its input; CallError for what AWS takes when it is made and never can call.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
    """
    found = _UNIVERSAL.fullmatch(target)
    if found is None:
        raise CallError(f"the sandbox acts out universal targets only, not {target}", final=True)
    service, action = found.groups()
    operation = action[0].upper() + action[1:]
    try:
        model = service_model(service)
        shape = model.operation_model(operation).input_shape
    except (DataNotFoundError, OperationNotFoundError) as error:
        raise CallError(f"there is no API {service}:{action}", final=True) from error
    if str(model.metadata["serviceId"]).lower().replace(" ", "") != service:
        raise CallError(f"no service of the SDKs is called {service}", final=True)
    try:
        asked = json.loads(text or "{}")
    except ValueError as error:
        raise CallError(f"the input is no JSON: {error}", final=True) from error
    return Call(service, operation, _members(shape, asked), account, region)


def _members(shape: Any, value: Any) -> Any:
    """Input has its members in PascalCase, whatever the API calls them; unknown ones are left to be refused."""
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {name[0].upper() + name[1:]: name for name in shape.members}
        return {
            names.get(key, key): _members(shape.members[names[key]], item) if key in names else item
            for key, item in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_members(shape.member, item) for item in value]
    return value


def _brief(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else str(value)
