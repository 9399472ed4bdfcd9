"""Service Quotas in the emulator, which ministack doesn't have: what preflight asks, and what our services obey."""

from __future__ import annotations

from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam


def _install() -> None:
    from ministack import app
    from ministack.core import router

    from llmstrat_iac.sandbox.emulator.quotas import service_quotas

    router.SERVICE_PATTERNS["servicequotas"] = {
        "target_prefixes": ["ServiceQuotasV20190624.", service_quotas.CONTROL_TARGET],
        "credential_scope": "servicequotas",
    }
    app.SERVICE_HANDLERS["servicequotas"] = service_quotas.ServiceQuotas().handle_request


ADDITION = Addition(
    name="service-quotas",
    why="there is no Service Quotas",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam("ministack.core.router", "detect_service", ("method", "path", "headers", "query_params")),
        Seam("ministack.app", "_dispatch_service_request", ("method", "path", "headers", "body", "query_params")),
    ),
    install=_install,
)
