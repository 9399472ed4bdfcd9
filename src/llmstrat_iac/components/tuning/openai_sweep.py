"""What may be left at OpenAI: models, jobs and files of the stack, if its key is in the environment.

The sweep knows the stack's name only: where the key came from a Secrets Manager secret, nothing can be asked here, and
the resources' own deletion is all there is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial

from llmstrat_iac.components.tuning.names import METADATA_RETAINED, METADATA_STACK
from llmstrat_iac.components.tuning.openai_resources import RUNNING, end_job, listed, openai_api
from llmstrat_iac.components.tuning.vendor_api import VendorApi
from llmstrat_iac.components.tuning.vendor_leftovers import VendorFound, sweep_vendor
from llmstrat_iac.hookspecs import AwsSession, Leftover

_VARIABLE = "OPENAI_API_KEY"


def sweep(stack_name: str, _session: AwsSession, *, remove: bool) -> Iterable[Leftover]:
    """Find what is left, if there is a key to ask with."""
    if not os.environ.get(_VARIABLE):
        return ()
    return sweep_vendor(
        "openai", partial(_found, stack_name), lambda: openai_api(f"env:{_VARIABLE}", ""), remove=remove
    )


def _found(stack_name: str, api: VendorApi) -> Iterator[VendorFound]:
    retained = set()
    for job in listed(api, "/fine_tuning/jobs"):
        metadata = job.get("metadata") or {}
        if metadata.get(METADATA_STACK) != stack_name:
            continue
        if METADATA_RETAINED in metadata:
            retained |= {job["training_file"], job.get("validation_file")}
            continue
        model = job.get("fine_tuned_model")
        if job["status"] in RUNNING:
            yield VendorFound("openai job", job["id"], "running", True, partial(end_job, api, job["id"]))
        elif model and api.find(f"/models/{model}") is not None:
            yield VendorFound("openai model", model, "", False, partial(api.delete, f"/models/{model}"))
    for file in listed(api, "/files", purpose="fine-tune"):
        if file["filename"].startswith(f"{stack_name}-") and file["id"] not in retained:
            yield VendorFound(
                "openai file", file["id"], file["filename"], False, partial(api.delete, f"/files/{file['id']}")
            )
