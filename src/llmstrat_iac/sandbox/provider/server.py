"""The gRPC service: decodes requests, calls check, diff and lifecycle, encodes answers; no behaviour of its own.

One process serves many engines and provider instances at once: every instance has its own connection, so a
configuration belongs to the peer that sent it.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps
from importlib.metadata import version
from typing import Any, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from llmstrat_iac.errors import LlmstratError, SandboxError
from llmstrat_iac.sandbox.provider.check import Naming, check_inputs
from llmstrat_iac.sandbox.provider.clients import Clients
from llmstrat_iac.sandbox.provider.config import ProviderConfig, check_config, expand, parse_config
from llmstrat_iac.sandbox.provider.diff import Change, compute_diff
from llmstrat_iac.sandbox.provider.faults import explain, is_expected
from llmstrat_iac.sandbox.provider.lifecycle import Lifecycle, PartialCreate
from llmstrat_iac.sandbox.provider.registry import Call, function_for, resource_for
from llmstrat_iac.sandbox.provider.schema import function_schema, resource_schema
from llmstrat_iac.sandbox.provider.validate import Failure, validate_inputs
from llmstrat_iac.sandbox.provider.values import Props, decode, encode, has_unknown, plain

MAX_PEERS = 512
THREADS = 32
log = logging.getLogger(__name__)
M = TypeVar("M", bound=Callable[..., Any])


def rpc(method: M) -> M:
    """Turn exceptions into gRPC errors: user errors by their text, anything else with its traceback in the log."""

    @wraps(method)
    def guarded(self: Provider, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except PartialCreate as error:
            _abort_partial(context, error)
        except LlmstratError as error:
            if not is_expected(error.__cause__):
                log.exception("%s failed", method.__name__)
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:
            log.exception("%s failed", method.__name__)
            context.abort(grpc.StatusCode.INTERNAL, explain(error, self.clients.endpoint_url))

    return guarded  # type: ignore[return-value]


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The `aws` provider over one emulator; `default_region` serves configurations that name none."""

    def __init__(self, clients: Clients, default_region: str | None = None) -> None:
        self.clients = clients
        self._default_region = default_region
        self._configs: OrderedDict[str, ProviderConfig] = OrderedDict()

    @rpc
    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True,
            accept_resources=False,
            accept_outputs=False,
            supports_autonaming_configuration=True,
        )

    @rpc
    def Attach(self, request: Any, context: Any) -> Any:
        return Empty()

    @rpc
    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    @rpc
    def CheckConfig(self, request: Any, context: Any) -> Any:
        news = decode(request.news)
        if not news.get("region") and self._default_region:
            news["region"] = self._default_region
        return provider_pb2.CheckResponse(inputs=encode(news), failures=_failures(check_config(expand(news))))

    @rpc
    def DiffConfig(self, request: Any, context: Any) -> Any:
        olds, news = decode(request.olds), decode(request.news)
        changed = sorted(key for key in {**olds, **news} if olds.get(key) != news.get(key))
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some if changed else none, diffs=changed)

    @rpc
    def Configure(self, request: Any, context: Any) -> Any:
        config = parse_config(expand(decode(request.args)))
        self._check_account(config)
        self._configs[context.peer()] = config
        while len(self._configs) > MAX_PEERS:
            self._configs.popitem(last=False)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    @rpc
    def Check(self, request: Any, context: Any) -> Any:
        token = _token(request.urn)
        _, row = resource_for(token)
        checked = check_inputs(
            row,
            resource_schema(token),
            name=_name(request.urn),
            news=decode(request.news),
            olds=plain(decode(request.olds)),
            config=self._config(context),
            seed=request.randomSeed,
            naming=_naming(request),
        )
        return provider_pb2.CheckResponse(inputs=encode(checked.inputs), failures=_failures(checked.failures))

    @rpc
    def Diff(self, request: Any, context: Any) -> Any:
        token = _token(request.urn)
        declaration, row = resource_for(token)
        state, news = plain(decode(request.olds)), plain(decode(request.news))
        diff = compute_diff(
            row,
            resource_schema(token),
            state=state,
            old_inputs=plain(decode(request.old_inputs)),
            news=news,
            ignore=request.ignoreChanges,
            also=declaration.replaced_by(state, news),
        )
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if diff.changes else response.DIFF_NONE,
            diffs=sorted({change.pattern.partition(".")[0].partition("[")[0] for change in diff.changes}),
            replaces=sorted(diff.replaces),
            deleteBeforeReplace=diff.delete_before_replace and bool(diff.replaces),
            hasDetailedDiff=True,
            detailedDiff={change.path: _property_diff(change, change.path in diff.replaces) for change in diff.changes},
        )

    @rpc
    def Create(self, request: Any, context: Any) -> Any:
        lifecycle, inputs = _lifecycle(request.urn), decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=encode(lifecycle.preview(inputs)))
        rid, state = lifecycle.create(self._call(context, inputs), inputs)
        return provider_pb2.CreateResponse(id=rid, properties=encode(state))

    @rpc
    def Read(self, request: Any, context: Any) -> Any:
        old, inputs = decode(request.properties), decode(request.inputs)
        found = _lifecycle(request.urn).read(self._call(context, old or inputs), request.id, old, inputs)
        if found is None:
            return provider_pb2.ReadResponse(id="")
        rid, state, new_inputs = found
        return provider_pb2.ReadResponse(id=rid, properties=encode(state), inputs=encode(new_inputs))

    @rpc
    def Update(self, request: Any, context: Any) -> Any:
        lifecycle, old, news = _lifecycle(request.urn), decode(request.olds), decode(request.news)
        if request.preview:
            state = lifecycle.preview(news, old)
        else:
            state = lifecycle.update(self._call(context, news), request.id, old, news)
        return provider_pb2.UpdateResponse(properties=encode(state))

    @rpc
    def Delete(self, request: Any, context: Any) -> Any:
        state = decode(request.properties)
        _lifecycle(request.urn).delete(self._call(context, state), request.id, state)
        return Empty()

    @rpc
    def Invoke(self, request: Any, context: Any) -> Any:
        implementation, args = function_for(request.tok), plain(decode(request.args))
        failures = validate_inputs(args, function_schema(request.tok).inputs)
        if failures:
            return provider_pb2.InvokeResponse(failures=_failures(failures))
        if has_unknown(args):
            return provider_pb2.InvokeResponse()
        result = implementation(self._call(context, args), args)
        return provider_pb2.InvokeResponse(**{"return": encode(result)})

    @rpc
    def Cancel(self, request: Any, context: Any) -> Any:
        return Empty()

    def _config(self, context: Any) -> ProviderConfig:
        config = self._configs.get(context.peer())
        if config is not None:
            return config
        # gRPC reconnected: the engine won't configure again, so take the configuration when there is only one.
        candidates = set(map(repr, self._configs.values()))
        if len(candidates) != 1:
            raise SandboxError("the aws provider isn't configured on this connection", remedy="run the command again")
        return next(iter(self._configs.values()))

    def _call(self, context: Any, props: Props) -> Call:
        config = self._config(context)
        region = plain(props.get("region"))
        return Call(self.clients, config, region if isinstance(region, str) and region else config.region)

    def _check_account(self, config: ProviderConfig) -> None:
        if not config.allowed_accounts and not config.forbidden_accounts:
            return
        account = Call(self.clients, config, config.region).account_id
        if account in config.forbidden_accounts or (config.allowed_accounts and account not in config.allowed_accounts):
            raise SandboxError(f"AWS account ID not allowed: {account}")


def start_server(provider: Provider, port: int) -> tuple[grpc.Server, int]:
    """Serve on loopback and return the server and its port."""
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="aws"), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, bound


def _abort_partial(context: Any, error: PartialCreate) -> None:
    detail = provider_pb2.ErrorResourceInitFailed(id=error.id, properties=encode(error.state), reasons=[str(error)])
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))


@cache
def _lifecycle_of(token: str) -> Lifecycle:
    declaration, row = resource_for(token)
    return Lifecycle(token, declaration, row, resource_schema(token))


def _lifecycle(urn: str) -> Lifecycle:
    return _lifecycle_of(_token(urn))


def _token(urn: str) -> str:
    """`urn:pulumi:stack::project::parent$aws:iam/role:Role::name` -> `aws:iam/role:Role`."""
    return urn.split("::", 3)[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _naming(request: Any) -> Naming | None:
    if not request.HasField("autonaming"):
        return None
    options = provider_pb2.CheckRequest.AutonamingOptions
    modes = {options.PROPOSE: "propose", options.ENFORCE: "enforce", options.DISABLE: "disable"}
    return Naming(modes[request.autonaming.mode], request.autonaming.proposed_name)  # type: ignore[arg-type]


def _failures(failures: Iterable[Failure]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=item.path, reason=item.reason) for item in failures]


def _property_diff(change: Change, replaces: bool) -> Any:
    kinds = provider_pb2.PropertyDiff
    table = {
        ("add", False): kinds.ADD, ("add", True): kinds.ADD_REPLACE,
        ("delete", False): kinds.DELETE, ("delete", True): kinds.DELETE_REPLACE,
        ("update", False): kinds.UPDATE, ("update", True): kinds.UPDATE_REPLACE,
    }  # fmt: skip
    return kinds(kind=table[change.kind, replaces], inputDiff=False)
