"""AWS's own container registries can be asked; the account's own repositories stay upstream's."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from sandbox_kit import Clients, clients

from llmstrat_iac.catalog.sagemaker_images import COPYING, REGISTRY, SERVING, TRAINING
from llmstrat_iac.components.ec2.images import SERVING_IMAGE

TAG = "server-sagemaker-cuda-v2.4"


def test_upstream_still_has_no_images_of_others(plain_emulator_url: str) -> None:
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        clients(plain_emulator_url)("ecr").batch_get_image(
            registryId=REGISTRY, repositoryName="vllm", imageIds=[{"imageTag": TAG}]
        )


def test_known_images_are_there_and_others_arent(aws: Clients) -> None:
    ecr = aws("ecr")
    asked = [{"imageTag": TAG}, {"imageTag": "server-sagemaker-cuda-v9"}]
    answer = ecr.batch_get_image(registryId=REGISTRY, repositoryName="vllm", imageIds=asked)
    assert [image["imageId"]["imageTag"] for image in answer["images"]] == [TAG]
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"]
    digest = [{"imageDigest": answer["images"][0]["imageId"]["imageDigest"]}]
    (found,) = ecr.describe_images(registryId=REGISTRY, repositoryName="vllm", imageIds=digest)["imageDetails"]
    assert found["imageTags"] == [TAG]
    with pytest.raises(ClientError, match="ImageNotFoundException"):
        ecr.describe_images(registryId=REGISTRY, repositoryName="vllm", imageIds=asked)
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        ecr.describe_images(registryId=REGISTRY, repositoryName="absent")


def test_what_we_use_is_there(aws: Clients) -> None:
    ours = [(image.repository, image.tag) for image in (SERVING, TRAINING, COPYING)]
    for repository, tag in [*ours, tuple(SERVING_IMAGE.split(":"))]:
        answer = aws("ecr").batch_get_image(
            registryId=REGISTRY, repositoryName=repository, imageIds=[{"imageTag": tag}]
        )
        assert not answer["failures"], (repository, tag)


def test_the_accounts_own_repositories_stay(aws: Clients) -> None:
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="own")
    assert ecr.describe_images(repositoryName="own")["imageDetails"] == []
