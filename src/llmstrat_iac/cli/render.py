"""How commands print with rich: the console, tables of at most 100 columns, and the plan. Colour only on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table

from llmstrat_iac.cli.text import UNKNOWN, columns, count, money, print_findings, unit_price
from llmstrat_iac.plan import HOURS_A_MONTH, Basis, CostLine, Plan, PlannedResource, Severity, Total

_VALUE_WIDTH = 30
"""Of a sizing's value: what is longer breaks, and leaves room for what it rests on."""
_SERVICES = {
    "apigateway": "API Gateway",
    "apigatewayv2": "API Gateway",
    "appautoscaling": "Application Auto Scaling",
    "autoscaling": "EC2 Auto Scaling",
    "bedrock": "Bedrock",
    "budgets": "Budgets",
    "cloudwatch": "CloudWatch",
    "dynamodb": "DynamoDB",
    "cloudcontrol": "Cloud Control API",
    "ec2": "EC2",
    "fsx": "FSx for Lustre",
    "iam": "IAM",
    "lambda": "Lambda",
    "lb": "Load balancing",
    "scheduler": "EventBridge Scheduler",
    "s3": "S3",
    "sagemaker": "SageMaker AI",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "vpc": "EC2",
}


def console(*, stderr: bool = False) -> Console:
    """A console at most 100 columns wide that doesn't guess at highlights."""
    return Console(width=columns(err=stderr), highlight=False, soft_wrap=False, stderr=stderr)


def table(*columns: str, right: Iterable[str] = (), wrap: Iterable[str] = ()) -> Table:
    """An airy table without lines; columns in `right` hold numbers, those in `wrap` may break."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        made.add_column(
            column, justify="right" if column in right else "left", no_wrap=column not in wrap, overflow="fold"
        )
    return made


def print_table(out: Console, made: Table) -> None:
    """Print a table without the blanks that rich pads lines with."""
    with out.capture() as captured:
        out.print(made)
    for line in captured.get().splitlines():
        click.echo(line.rstrip(), err=out.stderr)


def print_plan(plan: Plan, out: Console) -> None:
    """Print the plan: who and where, models, resources, cost, sizing, sources, findings, verdict."""
    print_plan_details(plan, out)
    out.print()
    out.print(_verdict(plan))


def print_plan_head(plan: Plan, out: Console) -> None:
    """Print what an update needs of the plan: who and where, the sums, and the findings."""
    out.print(f"[bold]{plan.name}-{plan.environment}[/]  {plan.strategy}  {plan.region}  TTL {plan.ttl}  {plan.owner}")
    out.print(_summary(plan))
    _print_findings(plan, out)


def print_plan_details(plan: Plan, out: Console) -> None:
    """Print the plan without the verdict."""
    notes = _Notes()
    out.print(f"[bold]{plan.name}-{plan.environment}[/]  {plan.strategy}  {plan.region}  TTL {plan.ttl}  {plan.owner}")
    out.print(_summary(plan))
    _print_models(out, plan, notes)
    _print_costs(out, plan, notes)
    _print_sizing(out, plan)
    _print_resources(out, plan.stack.physical_resources)
    _print_notes(out, notes)
    _print_findings(plan, out)


def _print_findings(plan: Plan, out: Console) -> None:
    if plan.findings:
        out.print()
        print_findings(plan.findings, err=out.stderr)
        out.print()


def _summary(plan: Plan) -> str:
    parts = [f"{_sum(plan.fixed_month)} USD a month fixed"]
    if plan.once != Total(0.0):
        parts.insert(0, f"{_sum(plan.once)} USD once")
    if plan.has_load:
        parts.append(f"{_sum(plan.at_load_month)} at the stated load")
    parts.append(count(sum(resource.count for resource in plan.stack.physical_resources), "resource"))
    for severity in (Severity.ERROR, Severity.WARNING):
        number = sum(1 for finding in plan.findings if finding.severity is severity)
        if number:
            parts.append(count(number, str(severity)))
    return " · ".join(parts)


class _Notes:
    """Footnotes: each source and its date once, numbered in order of appearance."""

    def __init__(self) -> None:
        self.sources: dict[tuple[str, str], int] = {}

    def mark(self, source: str, as_of: str) -> str:
        if not as_of:
            return ""
        number = self.sources.setdefault((as_of, source), len(self.sources) + 1)
        return rf"\[{number}]"


def _print_resources(out: Console, resources: Iterable[PlannedResource]) -> None:
    groups: dict[str, list[PlannedResource]] = {}
    for resource in resources:
        groups.setdefault(_service(resource.type), []).append(resource)
    total = sum(resource.count for group in groups.values() for resource in group)
    out.print(f"\n[bold]Resources[/]  {total}")
    shown = table("", "service", "kinds", right=("",), wrap=("kinds",))
    shown.show_header = False
    for service, group in groups.items():
        kinds = ", ".join(_kind(resource) for resource in group)
        shown.add_row(f"  {sum(resource.count for resource in group)}", service, f"[dim]{kinds}[/]")
    print_table(out, shown)


def _service(type_: str) -> str:
    package, _, rest = type_.partition(":")
    if package == "aws":
        module = rest.split("/", 1)[0]
        return _SERVICES.get(module, module)
    return "llmstrat" if package == "pulumi-python" else package


def _kind(resource: PlannedResource) -> str:
    name = resource.type.rpartition(":")[2]
    name = "provider aws" if resource.type.startswith("pulumi:providers") else name
    return name if resource.count == 1 else f"{resource.count} {name}"


def _print_models(out: Console, plan: Plan, notes: _Notes) -> None:
    if not plan.stack.token_prices:
        return
    out.print("\n[bold]Models[/]  USD per million tokens")
    shown = table("  alias", "provider", "model", "in", "out", " ", right=("in", "out"), wrap=("model",))
    for price in plan.stack.token_prices:
        shown.add_row(
            f"  {price.alias}",
            price.provider,
            price.model,
            unit_price(price.usd_per_mtok_input)[0],
            unit_price(price.usd_per_mtok_output)[0],
            f"[dim]{notes.mark(price.source, price.as_of)}[/]",
        )
    print_table(out, shown)


def _print_costs(out: Console, plan: Plan, notes: _Notes) -> None:
    out.print("\n[bold]Cost[/]  USD a month")
    shown = table("  item", "quantity", "each", "USD", " ", right=("quantity", "each", "USD"), wrap=("  item",))
    once = [line for line in plan.stack.costs if line.basis is Basis.ONCE]
    fixed = [line for line in plan.stack.costs if line.basis in (Basis.MONTH, Basis.HOUR)]
    load = [line for line in plan.stack.costs if line.basis is Basis.LOAD]
    if once:
        for line in once:
            shown.add_row(*_cost_row(line, notes))
        shown.add_row(_indented("[bold]once, for each job[/]"), "", "", f"[bold]{_sum(plan.once)}[/]", "")
        shown.add_row()
    for line in fixed:
        shown.add_row(*_cost_row(line, notes))
    shown.add_row(_indented("[bold]fixed, used or not[/]"), "", "", f"[bold]{_sum(plan.fixed_month)}[/]", "")
    if load:
        shown.add_row()
        for line in load:
            shown.add_row(*_cost_row(line, notes))
        shown.add_row(_indented("[bold]fixed and stated load[/]"), "", "", f"[bold]{_sum(plan.at_load_month)}[/]", "")
    if plan.monthly_limit is not None:
        shown.add_row(_indented("limit (limits.monthly_usd)"), "", "", money(plan.monthly_limit), "")
    forgotten = f"[bold]{_sum(plan.forgotten_30_days)}[/]"
    shown.add_row(_indented("[bold]if forgotten for 30 days[/]"), "", "", forgotten, "")
    print_table(out, shown)


def _cost_row(line: CostLine, notes: _Notes) -> tuple[RenderableType, str, str, str, str]:
    price, per = unit_price(line.unit_usd)
    note = f"[dim]{notes.mark(line.source, line.as_of)}[/]"
    quantity, unit, usd = line.quantity, line.unit, line.usd
    if line.basis is Basis.HOUR:
        quantity, unit = quantity * HOURS_A_MONTH, unit if unit == "hour" else f"{unit}-hour"
        usd = None if usd is None else usd * HOURS_A_MONTH
    return _indented(line.item), _amount(quantity, unit), f"{price}{per}", money(usd), note


def _indented(text: str) -> Padding:
    """Two columns to the right, also where it breaks."""
    return Padding(text, (0, 0, 0, 2))


def _amount(quantity: float, unit: str) -> str:
    if 0 < quantity < 0.001:
        number = "<0.001"
    else:
        number = f"{quantity:,.0f}" if quantity >= 100 or quantity == int(quantity) else f"{quantity:.3g}"
    plural = unit if quantity == 1 or unit.endswith(("s", "GB")) else f"{unit}s"
    return f"{number} {plural}"


def _sum(amount: Total) -> str:
    if not amount.unknown:
        return money(amount.usd)
    return f"{money(amount.usd)} + {count(len(amount.unknown), UNKNOWN, UNKNOWN)}"


def _print_sizing(out: Console, plan: Plan) -> None:
    if not plan.stack.sizing:
        return
    out.print("\n[bold]Sizing[/]")
    shown = table("  what", "value", "rests on", wrap=("value", "rests on"))
    shown.columns[1].max_width = _VALUE_WIDTH
    shown.show_header = False
    for line in plan.stack.sizing:
        shown.add_row(f"  {line.what}", line.value, f"[dim]{line.assumption}[/]")
    print_table(out, shown)


def _print_notes(out: Console, notes: _Notes) -> None:
    if not notes.sources:
        return
    out.print("\n[dim]List prices, first tier, without free tier; each as of the date beside its source.[/]")
    shown = table("number", "date", "source", right=("number",), wrap=("source",))
    shown.show_header = False
    for (as_of, source), number in notes.sources.items():
        shown.add_row(rf"[dim]\[{number}][/]", f"[dim]{as_of}[/]", f"[dim]{source}[/]")
    print_table(out, shown)


def _verdict(plan: Plan) -> str:
    if plan.errors:
        return f"[bold red]{count(len(plan.errors), 'error')}: `up` will refuse this plan.[/]"
    return "[bold green]Nothing speaks against `llmstrat up`.[/] Nothing has been created."
