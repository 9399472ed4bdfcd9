"""`llmstrat init`: asks, or takes flags, and writes a commented spec that validates."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import click

from llmstrat_iac.cli.init_from_scratch import FromScratchAnswers, choose_from_scratch, from_scratch_lines
from llmstrat_iac.cli.init_open_model import METHODS, OpenModelAnswers, choose_open_model, open_model_lines
from llmstrat_iac.cli.init_tuning import ALIAS, TuningAnswers, choose_tuning, tuning_lines
from llmstrat_iac.cli.plugin_option import plugin_option
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import Provider
from llmstrat_iac.planner.load import resolve_document
from llmstrat_iac.plugins import Registry, create_registry
from llmstrat_iac.spec.common import Classification
from llmstrat_iac.spec.document import parse_document

DEFAULT_PATH = Path("llmstrat.yaml")
SCHEMA_URL = "https://raw.githubusercontent.com/llmstrat/llmstrat-iac/main/schema/llmstrat-v1.schema.json"
_FIRST_MODELS = {"openai": "gpt-5.2", "gemini": "gemini-3.5-flash", "bedrock": "amazon.nova-lite-v1:0"}
_DEFAULTS = ("72h", 100.0)
_GPU_DEFAULTS = ("24h", 2000.0)
"""TTL and US dollars a month: GPUs bill by the hour, so they live a day, and a month of them costs more."""
_CLUSTER_DEFAULTS = ("7d", 20_000.0)
"""The same for a cluster, which must outlive its run: `plan` says how long that takes, and what it costs."""
_QUESTIONS = {
    "name": "Name of the stack (a-z, 0-9, -)",
    "owner": "E-mail address of the owner",
    "region": "AWS region",
}


@dataclass(frozen=True)
class Answers:
    """What goes into the spec."""

    name: str
    owner: str
    region: str
    strategy: str
    providers: tuple[Provider, ...]
    classification: str
    ttl: str
    monthly_usd: float
    plugins: tuple[str, ...] = field(default=())
    tuning: TuningAnswers | None = None
    open_model: OpenModelAnswers | None = None
    from_scratch: FromScratchAnswers | None = None

    @property
    def has_own_model(self) -> bool:
        """Whether the first alias is the stack's own model, rather than a provider's."""
        return self.tuning is not None or self.open_model is not None


@click.command("init")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default=DEFAULT_PATH)
@click.option("--strategy", default="A", show_default=True, help="Name or letter of the strategy.")
@click.option(
    "--provider",
    "provider_names",
    multiple=True,
    help="A model vendor; repeatable, later ones are fallbacks. For strategy B the first one tunes, for C all are "
    "fallbacks.",
)
@click.option("--name", help="Name of the stack.")
@click.option("--owner", help="E-mail address of whoever answers for the stack.")
@click.option("--region", help="AWS region.")
@click.option(
    "--classification",
    type=click.Choice([str(each) for each in Classification]),
    default=str(Classification.INTERNAL),
    show_default=True,
    help="How sensitive the data is.",
)
@click.option("--ttl", help="How long the stack may live, or `never`.  [default: 72h; 24h for C, 7d for D]")
@click.option("--monthly-usd", type=float, help="Spending limit a month.  [default: 100; 2000 for C, 20000 for D]")
@click.option("--dataset", default="data/train.jsonl", show_default=True, help="Training file, for strategies B and C.")
@click.option("--model", help="Hub id of the open model, for strategy C; preset of the architecture, for D.")
@click.option("--revision", help="Commit of the open model's repository, for strategy C.")
@click.option("--runtime", help="Where the model runs, for C and D.  [default: ec2; sagemaker for D]")
@click.option("--method", type=click.Choice(METHODS), help="Train the open model first, for strategy C.")
@click.option("--accept-licence", metavar="NAME", help="Licence of the open model that you have read and accept.")
@click.option("--corpus", metavar="S3", help="Prefix of the text in S3, for strategy D.")
@click.option("--tokens", help="Tokens that the corpus has, such as 20B, for strategy D.")
@click.option("--instance", help="Instance type of the cluster, for strategy D.  [default: p4d.24xlarge]")
@click.option("--nodes", type=click.IntRange(1, 10_000), help="Nodes of the cluster, for strategy D.  [default: 2]")
@click.option("--yes", "-y", is_flag=True, help="Don't ask; name, owner and region must be given.")
@click.option("--force", is_flag=True, help="Overwrite PATH.")
@plugin_option
def command(
    path: Path,
    strategy: str,
    provider_names: tuple[str, ...],
    name: str | None,
    owner: str | None,
    region: str | None,
    classification: str,
    ttl: str | None,
    monthly_usd: float | None,
    dataset: str,
    model: str | None,
    revision: str | None,
    runtime: str | None,
    method: str | None,
    accept_licence: str | None,
    corpus: str | None,
    tokens: str | None,
    instance: str | None,
    nodes: int | None,
    yes: bool,
    force: bool,
    plugins: tuple[str, ...],
) -> None:
    """Write a commented spec to PATH (llmstrat.yaml). Asks for what isn't given, if there is a terminal."""
    if path.exists() and not force:
        raise LlmstratError(f"{path}: exists already", remedy="choose another path, or say --force")
    registry = create_registry(plugins)
    chosen = registry.strategy(strategy)
    given = {"name": name, "owner": owner, "region": region}
    ask = not yes and sys.stdin.isatty()
    filled = _ask(given) if ask else _require(given)
    blocks = chosen.spec.model_fields
    tunes, opens, trains = "tuning" in blocks, "model" in blocks, "corpus" in blocks
    if trains and provider_names:
        raise click.UsageError("--provider is for strategies A to C; add `providers:` to the file, with an endpoint")
    providers = () if trains else _providers(registry, provider_names, ask=ask, tunes=tunes, optional=opens)
    tuning = choose_tuning(registry, providers[0], dataset) if tunes else None
    open_model = None
    if opens:
        open_model = choose_open_model(
            registry,
            model=model,
            revision=revision,
            runtime=runtime,
            method=method,
            dataset=dataset,
            accept_licence=accept_licence,
            ask=ask,
        )
    from_scratch = None
    if trains:
        from_scratch = choose_from_scratch(
            registry,
            preset=model,
            corpus=corpus,
            tokens=tokens,
            runtime=runtime,
            instance=instance,
            nodes=nodes,
            ask=ask,
        )
    default_ttl, default_usd = _CLUSTER_DEFAULTS if trains else _GPU_DEFAULTS if opens else _DEFAULTS
    answers = Answers(
        **filled,
        strategy=chosen.name,
        providers=providers[1:] if tunes else providers,
        classification=classification,
        ttl=ttl or default_ttl,
        monthly_usd=monthly_usd or default_usd,
        plugins=plugins,
        tuning=tuning,
        open_model=open_model,
        from_scratch=from_scratch,
    )
    text = render_spec(answers)
    resolve_document(parse_document(str(path), text))
    _write(path, text)
    click.echo(f"wrote {path}\nnext: llmstrat plan {path}")


def render_spec(answers: Answers) -> str:
    """The spec as text, with comments that say what each part is for."""
    own = answers.has_own_model
    aliases = [_alias(number + own, each) for number, each in enumerate(answers.providers)]
    offered = [ALIAS, *aliases] if own else aliases
    lines = [
        f"# yaml-language-server: $schema={SCHEMA_URL}",
        "apiVersion: llmstrat/v1",
        f"name: {answers.name}",
        f"strategy: {answers.strategy}",
        _line(f"owner: {answers.owner}", "receives alarms and budget alerts"),
        _line("environment: dev", "with the name, the name of the stack"),
        f"region: {answers.region}",
        *([f"plugins: [{', '.join(answers.plugins)}]"] if answers.plugins else []),
        "data:",
        _line(f"  classification: {answers.classification}", "restricted data must not leave the AWS account"),
        "limits:",
        _line(f"  ttl: {answers.ttl}", "then it is stopped, even if nobody remembers it"),
        _line(f"  monthly_usd: {answers.monthly_usd:g}", "`plan` refuses an estimate above it, and AWS warns"),
        "",
        *(_endpoint_lines(offered) if offered else ()),
        *(tuning_lines(answers.tuning) if answers.tuning else ()),
        *(open_model_lines(answers.open_model, aliases) if answers.open_model else ()),
        *(from_scratch_lines(answers.from_scratch) if answers.from_scratch else ()),
        *(["providers:"] if answers.providers else ()),
    ]
    for number, (provider, alias) in enumerate(zip(answers.providers, aliases, strict=True)):
        fallbacks = aliases[1:] if number == 0 and not own else []
        lines += _provider_lines(provider, alias, fallbacks=fallbacks)
    return "\n".join(lines).rstrip() + "\n"


def _endpoint_lines(offered: list[str]) -> list[str]:
    return [
        "endpoint:",
        "  load: {requests_per_month: 10_000, input_tokens: 800, output_tokens: 300}   # for the estimate only",
        _line("  consumers:", "each gets a key of its own"),
        "    - name: web",
        f"      models: [{', '.join(offered)}]",
        "      requests_per_second: 5",
        _line("      tokens_per_month: 20_000_000", "enforced: the brake on the vendor's bill"),
        _line("  usage_log: {retention_days: 30}", "who, which model, how many tokens; never the prompts"),
        "",
    ]


def _line(text: str, comment: str) -> str:
    return f"{text:<36} # {comment}"


def _alias(number: int, provider: Provider) -> str:
    return ALIAS if number == 0 else f"{ALIAS}-{provider.name}"


def _provider_lines(provider: Provider, alias: str, *, fallbacks: list[str]) -> list[str]:
    then = f", fallbacks: [{', '.join(fallbacks)}]" if fallbacks else ""
    lines = [f"  - name: {provider.name}", f'    models: [{{alias: {alias}, id: "{_first_model(provider)}"{then}}}]']
    if provider.secret_variable:
        comment = "# uploaded at `up`; or name a secret that exists"
        lines.append(f'    credentials: {{secret: "env:{provider.secret_variable}"}}   {comment}')
    return lines


def _first_model(provider: Provider) -> str:
    if provider.name in _FIRST_MODELS:
        return _FIRST_MODELS[provider.name]
    models = sorted(provider.models(), key=lambda model: model.usd_per_mtok_output is None)
    if not models:
        raise LlmstratError(f"the provider `{provider.name}` lists no models", remedy="write the spec by hand")
    return models[0].id


def _ask(given: dict[str, str | None]) -> dict[str, str]:
    return {key: value or click.prompt(_QUESTIONS[key], type=str) for key, value in given.items()}


def _require(given: dict[str, str | None]) -> dict[str, str]:
    missing = [f"--{key}" for key, value in given.items() if not value]
    if missing:
        raise click.UsageError(f"without a terminal to ask at, these must be given: {', '.join(missing)}")
    return {key: value for key, value in given.items() if value}


def _providers(
    registry: Registry, names: tuple[str, ...], *, ask: bool, tunes: bool, optional: bool
) -> tuple[Provider, ...]:
    choices = sorted(name for name, each in registry.providers.items() if (each.tuning if tunes else each.serves))
    if optional and not names:
        return ()
    if not names and ask:
        question = "Provider that tunes, then others" if tunes else "Providers, in order"
        answer = click.prompt(f"{question} ({', '.join(choices)})", default="bedrock" if tunes else "openai")
        names = tuple(answer.replace(",", " ").split())
    if not names:
        raise click.UsageError("without a terminal to ask at, --provider must be given")
    chosen = tuple(registry.provider(name) for name in dict.fromkeys(names))
    for provider in chosen[1:] if tunes else chosen:
        if not provider.serves:
            raise LlmstratError(f"{provider.title} only tunes; it has no models to call", remedy="choose another one")
    return chosen


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LlmstratError(f"{path}: can't be written: {error.strerror}", remedy="choose another path") from error
