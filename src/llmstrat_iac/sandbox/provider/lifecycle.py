"""Create, read, update, delete: a declaration's API calls turned into the state that the engine keeps.

State is the inputs plus what AWS reads back, where a read-back value that means the same as the input keeps the
input's form; so a refresh right after a create changes nothing. Secrets are wrapped again on the way out.
"""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

from llmstrat_iac.sandbox.provider.check import DEFAULTS
from llmstrat_iac.sandbox.provider.compare import is_empty
from llmstrat_iac.sandbox.provider.diff import Comparison
from llmstrat_iac.sandbox.provider.faults import ResourceError, failure, is_not_found
from llmstrat_iac.sandbox.provider.registry import Call, Resource
from llmstrat_iac.sandbox.provider.schema import Schema
from llmstrat_iac.sandbox.provider.table import Row
from llmstrat_iac.sandbox.provider.values import UNKNOWN, Props, Secret, annotate, plain


class PartialCreate(Exception):
    """The create failed after the thing existed: the engine must keep it in state, marked as failed."""

    def __init__(self, rid: str, state: Props, cause: Exception) -> None:
        super().__init__(str(cause))
        self.id = rid
        self.state = state


@dataclass(frozen=True)
class Lifecycle:
    """The operations of one type."""

    token: str
    declaration: Resource
    row: Row
    schema: Schema

    def preview(self, inputs: Props, previous: Props | None = None) -> Props:
        """The state that an operation is going to have, as far as it is known before."""
        body = _visible(inputs)
        if previous is None:
            unset = {key for key in self.row.optional_computed if key not in body and key in self.schema.outputs}
            body |= dict.fromkeys((self.row.computed | unset) - body.keys(), UNKNOWN)
        else:
            kept = {key: value for key, value in previous.items() if self._survives(key)}
            body = {**kept, **body, **{key: UNKNOWN for key in self.row.volatile if key not in body}}
        return self._wrap(plain(body), inputs, previous or {})

    def create(self, call: Call, inputs: Props) -> tuple[str, Props]:
        """Create the thing and read it back."""
        args = self._with_generated_name(plain(_visible(inputs)))
        try:
            rid = self.declaration.create(call, args)
            state = self._merge(args, self.declaration.read(call, rid, args) or {})
        except Exception as error:
            cause = failure("creating", self.row.noun, self._label(args), error, call.clients.endpoint_url)
            if call.created_id is None or self.row.sdk == "framework":
                raise cause from error
            state = self._read_back_quietly(call, call.created_id, args)
            raise PartialCreate(call.created_id, self._wrap(state, inputs), cause) from error
        return rid, self._wrap(state, inputs)

    def read(self, call: Call, rid: str, old: Props, inputs: Props) -> tuple[str, Props, Props] | None:
        """Id, state and inputs as AWS has them now, or None when the thing is gone."""
        state = plain(old)
        importing = not state
        if importing:
            state = import_state(self.row.import_format, rid)
            rid = self.declaration.identify(state, rid)
            state.pop("id", None)
        try:
            found = self.declaration.read(call, rid, state)
        except Exception as error:
            if is_not_found(error):
                return None
            raise failure("reading", self.row.noun, rid, error, call.clients.endpoint_url) from error
        if found is None:
            return None
        self._derive_tags(call, found, state)
        # What is only a client-side setting can't be read back; an import starts with its default.
        merged = self._merge({**self.row.defaults, **state} if importing else state, found)
        new_inputs = self._imported(merged) if importing else self._refreshed(plain(inputs), merged)
        return rid, self._wrap(merged, old, inputs), annotate(new_inputs, inputs)

    def update(self, call: Call, rid: str, old: Props, inputs: Props) -> Props:
        """Update in place and read back."""
        state, args = plain(old), plain(_visible(inputs))
        try:
            self.declaration.update(call, rid, state, args)
            kept = {key: value for key, value in state.items() if self._survives(key)}
            body = self._merge({**kept, **args}, self.declaration.read(call, rid, {**kept, **args}) or {})
        except Exception as error:
            raise failure("updating", self.row.noun, rid, error, call.clients.endpoint_url) from error
        return self._wrap(body, inputs)

    def delete(self, call: Call, rid: str, old: Props) -> None:
        """Delete the thing; one that's already gone is fine."""
        try:
            self.declaration.delete(call, rid, plain(old))
        except Exception as error:
            if not is_not_found(error):
                raise failure("deleting", self.row.noun, rid, error, call.clients.endpoint_url) from error

    def _survives(self, key: str) -> bool:
        """Whether a state value stays when the new inputs don't mention it."""
        return key in self.row.computed or key in self.row.optional_computed or key not in self.schema.inputs

    def _with_generated_name(self, args: Props) -> Props:
        rule = self.row.autoname
        if rule and rule.target not in args and args.get(rule.prefix_input):
            unique = f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{uuid.uuid4().hex[:12]}"
            args[rule.target] = f"{args[rule.prefix_input]}{unique}"
        return args

    def _label(self, args: Props) -> str:
        keys = [self.row.autoname.target] if self.row.autoname else re.split("[/:|]", self.row.import_format)
        return ",".join(str(args[key]) for key in keys if key in args) or self.token.rpartition(":")[2]

    def _merge(self, base: Props, found: Props) -> Props:
        """Read-back values over the state, unless they mean the same."""
        comparison = Comparison(self.row.compare)
        merged = dict(base)
        for key, value in found.items():
            kind = self.schema.input_type(key)
            if key in base and comparison.equal(key, kind, value, base[key]):
                continue
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = value
        return merged

    def _refreshed(self, inputs: Props, state: Props) -> Props:
        """The inputs with drifted values in place of those that were asked for."""
        comparison = Comparison(self.row.compare)
        result = dict(inputs)
        for key, value in inputs.items():
            if key == DEFAULTS or comparison.equal(key, self.schema.input_type(key), state.get(key), value):
                continue
            if state.get(key) is None:
                del result[key]
            else:
                result[key] = state[key]
        return result

    def _imported(self, state: Props) -> Props:
        names = {*self.schema.inputs} - self.row.computed
        inputs = {key: value for key, value in state.items() if key in names and not is_empty(value)}
        return {**inputs, DEFAULTS: []}

    def _derive_tags(self, call: Call, found: Props, state: Props) -> None:
        """`tags` is `tagsAll` without what the provider's default tags put there."""
        if "tagsAll" not in found:
            return
        asked = state.get("tags") or {}
        visible = {key: value for key, value in (found["tagsAll"] or {}).items() if not call.config.ignores_tag(key)}
        found["tagsAll"] = visible
        defaults = call.config.default_tags
        found["tags"] = {
            key: value for key, value in visible.items() if key in asked or defaults.get(key) != value
        } or None

    def _read_back_quietly(self, call: Call, rid: str, args: Props) -> Props:
        """What there is of a half-made thing; the create's own error is the one to report."""
        try:
            found = self.declaration.read(call, rid, args) or {}
        except Exception:
            found = {}
        return self._merge(args, found)

    def _wrap(self, state: Props, *likes: Props) -> Props:
        """The state with its secrets: what was secret in the inputs or old state, and the type's secret outputs."""
        wrapped: dict[str, Any] = state
        for like in likes:
            wrapped = {
                key: value if isinstance(value, Secret) else annotate(value, like.get(key))
                for key, value in wrapped.items()
            }
        return {
            key: Secret(value) if key in self.row.secret_outputs and not isinstance(value, Secret) else value
            for key, value in wrapped.items()
        }


def import_state(form: str, rid: str) -> Props:
    """The parts of an import id: `restApi/resourceId/httpMethod` and `a/b/GET` -> {restApi: a, …}."""
    separator = next((mark for mark in "|/:" if mark in form), None)
    if separator is None:
        return {form: rid}
    names = form.split(separator)
    # What stands before a bar is an ARN or name with marks of its own; in the other forms only the last part may be.
    split = rid.rsplit if separator == "|" else rid.split
    parts = split(separator, len(names) - 1)
    if len(parts) != len(names):
        raise ResourceError(f"import id `{rid}` isn't of the form `{form}`")
    return dict(zip(names, parts, strict=True))


def _visible(inputs: Props) -> Props:
    return {key: value for key, value in inputs.items() if not key.startswith("__")}
