"""Blocks of launch templates and instances between the provider's spelling and EC2's, at every depth."""

from __future__ import annotations

import base64
import binascii
from typing import Any

# Properties that EC2 spells otherwise than with a capital letter.
SPELLING = {
    "memoryMib": "MemoryMiB", "vcpuCount": "VCpuCount", "acceleratorTotalMemoryMib": "AcceleratorTotalMemoryMiB",
    "memoryGibPerVcpu": "MemoryGiBPerVCpu", "totalLocalStorageGb": "TotalLocalStorageGB",
    "enableResourceNameDnsAaaaRecord": "EnableResourceNameDnsAAAARecord", "securityGroups": "Groups",
    "ipv4AddressCount": "SecondaryPrivateIpAddressCount",
}  # fmt: skip
# Truth values that the provider keeps as text, because unset means something else than false.
TEXT_TRUTHS = frozenset({
    "associateCarrierIpAddress", "associatePublicIpAddress", "deleteOnTermination", "encrypted", "primaryIpv6",
    "ebsOptimized",
})  # fmt: skip
# Lists of texts that EC2 takes as lists of blocks with one member.
BOXED = {
    "ipv4Addresses": ("PrivateIpAddresses", "PrivateIpAddress"), "ipv6Addresses": ("Ipv6Addresses", "Ipv6Address"),
    "ipv4Prefixes": ("Ipv4Prefixes", "Ipv4Prefix"), "ipv6Prefixes": ("Ipv6Prefixes", "Ipv6Prefix"),
}  # fmt: skip
_BACK = {api: prop for prop, api in SPELLING.items()}
_UNBOXED = {api: (prop, key) for prop, (api, key) in BOXED.items()}


def to_api(value: Any) -> Any:
    """A block as EC2 takes it; unset and empty text is left out."""
    if isinstance(value, list):
        return [to_api(item) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for prop, item in value.items():
        if item in (None, "", []):
            continue
        if prop in BOXED:
            api, key = BOXED[prop]
            result[api] = [{key: each} for each in item]
        elif prop in TEXT_TRUTHS:
            result[_api_name(prop)] = str(item).lower() == "true"
        else:
            result[_api_name(prop)] = to_api(item)
    return result


def from_api(value: Any, *, texts: bool = True) -> Any:
    """The reverse; `texts`: whether TEXT_TRUTHS are texts in this type."""
    if isinstance(value, list):
        return [from_api(item, texts=texts) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for api, item in value.items():
        if api in _UNBOXED and isinstance(item, list):
            prop, key = _UNBOXED[api]
            result[prop] = [each[key] for each in item]
            continue
        prop = _BACK.get(api, api[0].lower() + api[1:])
        result[prop] = str(item).lower() if texts and prop in TEXT_TRUTHS else from_api(item, texts=texts)
    return result


def _api_name(prop: str) -> str:
    return SPELLING.get(prop, prop[0].upper() + prop[1:])


def encoded(text: str) -> str:
    """User data as EC2 takes it: base64, as it is if it already is base64."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return base64.b64encode(text.encode()).decode()
    return text


def decoded(data: str | None) -> str | None:
    """User data as text."""
    return base64.b64decode(data).decode("utf-8", "replace") if data else None
