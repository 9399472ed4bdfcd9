"""`trainer.options:` of torchtitan: whatever its command line has."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from llmstrat_iac.spec.problems import detail, refuse

_TAKEN = {
    "training.steps": "`trainer.tokens`",
    "training.global_batch_size": "`trainer.batch_sequences`",
    "training.seq_len": "`trainer.sequence_length`",
    **dict.fromkeys(("checkpoint.folder", "dump_folder", "hf_assets_path", "module", "config"), "the launcher"),
}
"""Options that the launcher counts on, and what they come from."""


class TitanOptions(BaseModel):
    """Any of torchtitan's, nested or with dots: `comm: {train_timeout_seconds: 600}`. They come last, so they count."""

    # Deferred as `spec.common.Closed` is: commands that train nothing needn't build its validator.
    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)
    __pydantic_extra__: dict[str, JsonValue]

    @model_validator(mode="after")
    def _leaves_what_is_counted_on(self) -> TitanOptions:
        taken = [name for name in self.arguments if name in _TAKEN]
        if taken:
            problems = [detail(self._path(name), f"it comes from {_TAKEN[name]}", "remove it") for name in taken]
            refuse("TitanOptions", problems)
        return self

    @property
    def arguments(self) -> dict[str, Any]:
        """Names with dots to values."""
        return _flat(self.__pydantic_extra__)

    def _path(self, name: str) -> tuple[str, ...]:
        return (name,) if name in self.__pydantic_extra__ else tuple(name.split("."))


def _flat(options: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in _flat(value).items()}
        else:
            flat[name] = value
    return flat
