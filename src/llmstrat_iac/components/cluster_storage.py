"""The file system of a run on nodes that AWS manages: the corpus as files, and room for checkpoints."""

from __future__ import annotations

import pulumi

from llmstrat_iac.components.cluster_network import ClusterNetwork
from llmstrat_iac.components.file_system import FileSystem, FileSystemArgs, Link
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.storage import file_system_gib, has_file_system

CORPUS = "/corpus"
"""Folder of the corpus in the file system."""


def create_storage(
    logical_name: str,
    name: str,
    pretraining: ResolvedPretraining,
    network: ClusterNetwork,
    opts: pulumi.ResourceOptions,
) -> FileSystem | None:
    """The file system that `cluster.storage` asks for; None if the corpus is read from S3."""
    if not has_file_system(pretraining):
        return None
    return FileSystem(
        logical_name,
        FileSystemArgs(
            name=name,
            subnet_id=network.subnet_id,
            security_group_id=network.security_group_id,
            gib=file_system_gib(pretraining),
            mbps_per_tib=pretraining.cluster.storage.mbps_per_tib,
            links=[Link(CORPUS, pretraining.corpus.source)],
            after=network.ready,
        ),
        opts,
    )
