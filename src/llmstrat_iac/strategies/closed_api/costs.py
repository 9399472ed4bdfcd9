"""What a gateway costs, under any strategy: fixed, and at the load that the spec states.

List prices of the first tier without any free tier. Assumptions that no spec states are the constants below; they are
printed with the sizing, so that a reader can disagree.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.aws_prices import aws_price
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Basis, CostLine, SizingLine, TokenPrice
from llmstrat_iac.spec.common import Endpoint, Load

RELAY_GB = 0.5
AUTHORIZER_GB = 0.125
AUTHORIZER_SECONDS = 0.05
AUTHORIZER_CACHE_SECONDS = 300
LOG_BYTES = 1_000
"""One usage line and one access log line."""
STREAM_BYTES_PER_TOKEN = 250
"""An SSE chunk of OpenAI's wire format around one token."""
BYTES_PER_TOKEN = 4
_MONTH_SECONDS = 730 * 3600
_GB = 1e9
_MEGA = 1e6


def fixed_costs(region: str, *, secrets: int, alarms: int) -> Iterator[CostLine]:
    """What is billed whether anybody calls or not."""
    if secrets:
        yield _line(region, "Secrets Manager: vendors' keys", "secretsmanager-secret", secrets, Basis.MONTH)
    yield _line(region, "CloudWatch alarms", "cloudwatch-alarm", alarms, Basis.MONTH)


def load_costs(region: str, endpoint: Endpoint, prices: tuple[TokenPrice, ...]) -> Iterator[CostLine]:
    """What the stated load costs; nothing if the spec states none."""
    load = endpoint.load
    if load is None:
        return
    requests = load.requests_per_month
    checks = min(requests, len(endpoint.consumers) * _MONTH_SECONDS // AUTHORIZER_CACHE_SECONDS)
    seconds = requests * load.seconds * RELAY_GB + checks * AUTHORIZER_SECONDS * AUTHORIZER_GB
    log_gb = requests * _logged_bytes(endpoint, load) / _GB
    kept_months = endpoint.usage_log.retention_days / 30
    yield _line(region, "API Gateway requests", "apigateway-request", requests)
    yield _line(region, "Lambda requests", "lambda-request", requests + checks)
    yield _line(region, "Lambda time, waiting for models", "lambda-arm-gb-second", seconds)
    if any(consumer.tokens_per_month for consumer in endpoint.consumers):
        yield _line(region, "DynamoDB reads of budgets", "dynamodb-read", requests)
        yield _line(region, "DynamoDB writes of budgets", "dynamodb-write", requests)
    yield _line(region, "CloudWatch Logs ingestion", "logs-ingestion", log_gb)
    yield _line(region, "CloudWatch Logs storage", "logs-storage", log_gb * kept_months)
    answers_gb = requests * load.output_tokens * STREAM_BYTES_PER_TOKEN / _GB
    yield _line(region, "Data transfer out", "transfer-out", answers_gb)
    yield from _token_costs(endpoint, load, prices)


def token_prices(resolved: ResolvedSpec) -> tuple[TokenPrice, ...]:
    """The price of each alias as its vendor lists it."""
    found = []
    for provider in resolved.providers.values():
        known = {model.id: model for model in provider.provider.models()}
        for entry in provider.entry.models:
            info = known.get(entry.id)
            found.append(
                TokenPrice(
                    alias=entry.alias,
                    provider=provider.entry.name,
                    model=entry.id,
                    usd_per_mtok_input=info.usd_per_mtok_input if info else None,
                    usd_per_mtok_output=info.usd_per_mtok_output if info else None,
                    source=info.source if info else "not in the catalogue",
                    as_of=info.as_of if info else "",
                )
            )
    return tuple(found)


def size(endpoint: Endpoint, prices: tuple[TokenPrice, ...]) -> tuple[SizingLine, ...]:
    """How many requests run at once, and what the cost estimate takes for granted."""
    rate = sum(consumer.requests_per_second for consumer in endpoint.consumers)
    load = endpoint.load
    lines = [SizingLine("requests a second", f"at most {rate:g}", "the sum of the consumers' rates")]
    if load is not None:
        at_once = rate * load.seconds
        cap = endpoint.max_concurrency
        limit = f"the limit is {cap}" if cap else "AWS starts accounts at 1,000 or fewer for all functions together"
        lines.append(SizingLine("requests at once", f"at most {at_once:g}", f"{load.seconds:g} s each; {limit}"))
        offered = _requested_aliases(endpoint, prices)
        share = f"all to {offered[0]}" if len(offered) == 1 else f"even over {', '.join(offered)}; no fallbacks"
        lines.append(
            SizingLine(
                "load",
                f"{load.requests_per_month:,} requests a month",
                f"{load.input_tokens:,} tokens in, {load.output_tokens:,} out; {share}",
            )
        )
    return tuple(lines)


def _token_costs(endpoint: Endpoint, load: Load, prices: tuple[TokenPrice, ...]) -> Iterator[CostLine]:
    aliases = _requested_aliases(endpoint, prices)
    for price in prices:
        if price.alias not in aliases:
            continue
        requests = load.requests_per_month / len(aliases)
        for direction, tokens, usd in (
            ("in", load.input_tokens, price.usd_per_mtok_input),
            ("out", load.output_tokens, price.usd_per_mtok_output),
        ):
            if usd == 0:
                continue  # what serves it is billed by time
            yield CostLine(
                item=f"Tokens {direction}: {price.alias}",
                basis=Basis.LOAD,
                quantity=requests * tokens / _MEGA,
                unit="million tokens",
                unit_usd=usd,
                source=price.source,
                as_of=price.as_of,
            )


def _requested_aliases(endpoint: Endpoint, prices: tuple[TokenPrice, ...]) -> list[str]:
    """The models that some consumer may call, in the order of the file."""
    wanted = {alias for consumer in endpoint.consumers for alias in consumer.models}
    return [price.alias for price in prices if price.alias in wanted]


def _logged_bytes(endpoint: Endpoint, load: Load) -> int:
    texts = (load.input_tokens + load.output_tokens) * BYTES_PER_TOKEN if endpoint.usage_log.prompts else 0
    return LOG_BYTES + texts


def _line(region: str, item: str, price_of: str, quantity: float, basis: Basis = Basis.LOAD) -> CostLine:
    price = aws_price(price_of, region)
    return CostLine(item, basis, quantity, price.unit, price.usd, price.source, price.as_of)
