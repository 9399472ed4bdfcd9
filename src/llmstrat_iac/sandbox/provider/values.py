"""Pulumi property values between the wire (protobuf structs) and Python: secrets, unknowns, outputs, assets, archives.

Plain values are plain Python. A secret stays wrapped until `plain()` takes the wrapper off, `annotate()` puts it back.
Signatures and the unknown sentinel are the engine's (sdk/go/common/resource, pulumi/runtime/rpc.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, final

from google.protobuf.struct_pb2 import Struct, Value

Props = dict[str, Any]

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a type tag of the wire format
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@final
class Unknown:
    """A value that only exists after the deployment; there is one instance, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine must encrypt in state; its repr never shows it."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True)
class Blob:
    """An asset or archive as the engine describes it: `path`, `text`, `uri`, or an archive's `assets`; and `hash`."""

    kind: Literal["asset", "archive"]
    fields: Props

    @property
    def hash(self) -> str:
        return str(self.fields.get("hash", ""))


def decode(struct: Struct) -> Props:
    """Turn a wire struct into Python values."""
    return {key: _decode_value(value) for key, value in struct.fields.items()}


def encode(props: Mapping[str, Any]) -> Struct:
    """Turn Python values into a wire struct."""
    struct = Struct()
    struct.update({key: _wire(value) for key, value in props.items()})
    return struct


def _decode_value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode_value(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _decode_object(decode(value.struct_value))
    return None


def _decode_object(fields: Props) -> Any:
    signature = fields.get(SIGNATURE)
    if signature is None:
        return fields
    if signature == SECRET:
        return Secret(fields.get("value"))
    if signature == OUTPUT:
        value = fields.get("value", UNKNOWN)
        return Secret(value) if fields.get("secret") else value
    if signature == RESOURCE:
        return fields.get("id") or fields.get("urn")
    rest = {key: value for key, value in fields.items() if key != SIGNATURE}
    return Blob("asset" if signature == ASSET else "archive", rest) if signature in (ASSET, ARCHIVE) else rest


def _wire(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, Unknown):
        return UNKNOWN_TEXT
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": _wire(value.value)}
    if isinstance(value, Blob):
        signature = ASSET if value.kind == "asset" else ARCHIVE
        return {SIGNATURE: signature, **{key: _wire(item) for key, item in value.fields.items()}}
    if isinstance(value, Mapping):
        return {str(key): _wire(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_wire(item) for item in value]
    raise TypeError(f"no wire form for {type(value).__name__}")


def plain(value: Any) -> Any:
    """The value without its secret wrappers, at every depth."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def has_secret(value: Any) -> bool:
    """Whether a secret wrapper is anywhere inside."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(has_secret(item) for item in value.values())
    return isinstance(value, list) and any(has_secret(item) for item in value)


def has_unknown(value: Any) -> bool:
    """Whether an unknown is anywhere inside."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    return isinstance(value, list) and any(has_unknown(item) for item in value)


def annotate(value: Any, like: Any) -> Any:
    """Wrap in `value` (plain) what is secret in `like`; when their shapes differ the whole of `value` is secret."""
    if isinstance(like, Secret):
        return Secret(value)
    if isinstance(like, dict) and isinstance(value, dict):
        if any(key not in value and has_secret(item) for key, item in like.items()):
            return Secret(value) if value else value
        return {key: annotate(item, like.get(key)) for key, item in value.items()}
    if isinstance(like, list) and has_secret(like):
        if not isinstance(value, list) or len(value) != len(like):
            return Secret(value)
        return [annotate(item, other) for item, other in zip(value, like, strict=True)]
    return Secret(value) if has_secret(like) else value
