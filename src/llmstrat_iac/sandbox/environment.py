"""What a program sees of the sandbox through its environment, and what must not be seen: real accounts and proxies.

Pure: it makes variables, it reads none itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from llmstrat_iac.sandbox.emulator.quotas.limits import QUOTAS_VARIABLE
from llmstrat_iac.sandbox.jobs import CLOCK_VARIABLE, CLUSTER_VARIABLE, SECONDS_VARIABLE, TRAINER_VARIABLE
from llmstrat_iac.target import AHEAD_VARIABLE, UPSTREAMS_VARIABLE

HOME_VARIABLE = "LLMSTRAT_SANDBOX_HOME"
"""Tells the sandbox's own processes where they may keep records and logs."""
LLM_VARIABLE = "LLMSTRAT_SANDBOX_LLM"
"""Tells the emulator which generator its inference servers answer with: `deterministic` or `real`."""
FLEET_SECONDS_VARIABLE = "LLMSTRAT_SANDBOX_FLEET_SECONDS"
"""How long an inference server takes until it has loaded its model."""
ACCOUNT = "000000000000"
REGION = "us-east-1"
GUARD_FOLDER = Path(__file__).parent / "guard"
# Nothing listens on the discard port: a request that would leave loopback by way of a proxy ends there.
NO_WAY_OUT = "http://127.0.0.1:9"
PROXY_VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
)
_LOOPBACK_NAMES = "127.0.0.1,localhost,::1"

# Everything below these prefixes is the user's real account or logged-in backend.
REMOVED_PREFIXES = ("AWS_", "PULUMI_", "BOTO_", "AMAZON_")
# Of those prefixes, what says where tools are rather than whose account it is.
_KEPT = frozenset({"PULUMI_HOME", "PULUMI_SKIP_UPDATE_CHECK", "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK"})
# What a shell must unset before a plain `pulumi up`; `isolated` removes all of REMOVED_PREFIXES.
REMOVED_VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CA_BUNDLE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_API",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CLOUD_URL",
)
# The only variables of the caller that the sandbox's own processes are given.
_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE",
    SECONDS_VARIABLE, CLOCK_VARIABLE, QUOTAS_VARIABLE, TRAINER_VARIABLE, CLUSTER_VARIABLE, FLEET_SECONDS_VARIABLE,
)  # fmt: skip


@dataclass(frozen=True)
class Addresses:
    """Where a running sandbox listens; ports are loopback ports."""

    emulator: int
    vendor: int
    provider: int

    @property
    def emulator_url(self) -> str:
        """The endpoint of every AWS service."""
        return f"http://127.0.0.1:{self.emulator}"

    @property
    def vendor_url(self) -> str:
        """The root of the local LLM vendor."""
        return f"http://127.0.0.1:{self.vendor}"

    @property
    def upstreams(self) -> Mapping[str, str]:
        """Base URL in place of each closed provider's own, and of the services that Gemini's tuning needs."""
        return {
            "openai": f"{self.vendor_url}/openai/v1",
            "gemini": f"{self.vendor_url}/gemini/v1beta/openai",
            "mistral": f"{self.vendor_url}/mistral/v1",
            "bedrock": f"{self.vendor_url}/bedrock",
            "gemini-tuning": f"{self.vendor_url}/vertex",
            "gcs": f"{self.vendor_url}/gcs",
            "google-token": f"{self.vendor_url}/google/token",
        }


def aws_variables(emulator_url: str, empty_file: Path) -> dict[str, str]:
    """Every way an AWS SDK finds endpoint, account and region, pointed at the emulator."""
    return {
        "AWS_ENDPOINT_URL": emulator_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(empty_file),
        "AWS_SHARED_CREDENTIALS_FILE": str(empty_file),
    }


def proxy_variables(proxy: str) -> dict[str, str]:
    """Send whatever isn't loopback to `proxy`, in both spellings."""
    upper = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "NO_PROXY": _LOOPBACK_NAMES}
    return {**upper, **{name.lower(): value for name, value in upper.items()}}


def program_variables(addresses: Addresses, home: Path, proxy: str, ahead: timedelta) -> dict[str, str]:
    """What a program, the engine or a plain `pulumi up` needs to run against the sandbox."""
    return {
        **aws_variables(addresses.emulator_url, home / "empty"),
        **proxy_variables(proxy),
        "PULUMI_DEBUG_PROVIDERS": f"aws:{addresses.provider}",
        "PULUMI_BACKEND_URL": f"file://{home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(home / "passphrase"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "HF_ENDPOINT": f"{addresses.vendor_url}/hub",
        UPSTREAMS_VARIABLE: json.dumps(dict(addresses.upstreams), separators=(",", ":")),
        AHEAD_VARIABLE: str(ahead.total_seconds()),
    }


def without_real_accounts(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment less everything that leads to a real account, backend or proxy."""
    return {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not (name.startswith(REMOVED_PREFIXES) or name in PROXY_VARIABLES)
    }


def process_variables(environ: Mapping[str, str], emulator_url: str, home: Path, proxy: str) -> dict[str, str]:
    """The whole environment of one of the sandbox's own processes."""
    return {
        **{name: environ[name] for name in _PASSED_ON if name in environ},
        **aws_variables(emulator_url, home / "empty"),
        **proxy_variables(proxy),
        "PYTHONPATH": str(GUARD_FOLDER),
        "PYTHONUNBUFFERED": "1",
        HOME_VARIABLE: str(home),
    }
