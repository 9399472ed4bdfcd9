"""What a program sees beyond the life of one resource: previews, errors, drift, imports, secrets, several providers."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from aws_case import TRUST, code
from provider_kit import QUIET, Bench

from llmstrat_iac.engine.events import Op
from llmstrat_iac.errors import EngineError

pytestmark = QUIET
Cloud = Callable[[str], Any]
SECRET = "hunter2-hunter2"


def role(logical: str = "role", **inputs: Any) -> aws.iam.Role:
    return aws.iam.Role(logical, **{"assume_role_policy": TRUST, **inputs})


def python_function(text: str) -> aws.lambda_.Function:
    return aws.lambda_.Function("f", role=role().arn, code=code(text), handler="app.handler", runtime="python3.12")


def after(*things: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=list(things))


def failed(run: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as caught:
        run()
    return str(caught.value)


def test_a_preview_carries_what_is_not_known_yet(bench: Bench) -> None:
    def program() -> None:
        function = aws.lambda_.Function(
            "f", role=role().arn, code=code("x"), handler="app.handler", runtime="python3.12"
        )
        aws.cloudwatch.LogGroup("logs", name=function.name.apply(lambda name: f"/aws/lambda/{name}"))
        pulumi.export("arn", function.invoke_arn)

    outcome = bench.stack().preview(program)
    assert [outcome.steps[name] for name in ("role", "f", "logs")] == [[Op.CREATE]] * 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: aws.lambda_.Function("f", role="r", tracing_config={"mod": "x"}), "tracingConfig.mod"),
        (lambda: role(tags={"a": 1}), "tags.a"),
        (lambda: role(max_session_duration="long"), "maxSessionDuration"),
    ],
)
def test_a_typo_fails_in_preview_with_its_path(bench: Bench, make: Callable[[], object], message: str) -> None:
    stack = bench.stack()
    assert message in failed(lambda: stack.preview(make))


def test_an_unserved_type_says_so(bench: Bench) -> None:
    def program() -> None:
        aws.sqs.Queue("queue")

    assert "doesn't serve aws:sqs/queue:Queue" in failed(lambda: bench.stack().preview(program))


def test_an_aws_error_names_what_was_being_done(bench: Bench) -> None:
    def program() -> None:
        first = role("first", name="taken-name")
        role("second", name="taken-name", opts=after(first))

    stack = bench.stack()
    assert "creating IAM Role (taken-name): EntityAlreadyExists: " in failed(lambda: stack.up(program))
    stack.destroy()


def test_a_create_that_fails_half_way_stays_in_state_and_is_mended(bench: Bench, cloud: Cloud) -> None:
    def program(*, rotated: bool) -> Callable[[], None]:
        """HMAC keys can't be rotated: the key is made, and then rotation is refused."""
        spec = {"customer_master_key_spec": "HMAC_256", "key_usage": "GENERATE_VERIFY_MAC"}
        return lambda: pulumi.export("id", aws.kms.Key("key", **spec, enable_key_rotation=rotated).key_id)

    stack = bench.stack()
    message = failed(lambda: stack.up(program(rotated=True)))
    assert "creating KMS Key (Key): UnsupportedOperationException: " in message
    half = stack.state()["key"]
    assert cloud("kms").describe_key(KeyId=half["id"])["KeyMetadata"]["Enabled"]
    assert half["initErrors"]
    mended = stack.up(program(rotated=False))
    assert (mended.changed, mended.outputs["id"]) == ({"key": [Op.UPDATE]}, half["id"])
    stack.destroy()


def test_drift_is_found_and_mended(bench: Bench, cloud: Cloud) -> None:
    def program() -> None:
        one = role("one", description="as written", tags={"a": "b"})
        topic = aws.sns.Topic("topic")
        pulumi.export("role", one.name)
        pulumi.export("topic", topic.arn)

    stack = bench.stack()
    made = stack.up(program).outputs
    cloud("iam").update_role(RoleName=made["role"], Description="by hand")
    cloud("iam").tag_role(RoleName=made["role"], Tags=[{"Key": "c", "Value": "d"}])
    cloud("sns").delete_topic(TopicArn=made["topic"])
    assert stack.refresh() == {"one": ["description", "tags", "tagsAll"], "topic": ["deleted"]}
    mended = stack.up(program)
    assert mended.changed == {"one": [Op.UPDATE], "topic": [Op.CREATE]}
    found = cloud("iam").get_role(RoleName=made["role"])["Role"]
    assert (found["Description"], found["Tags"]) == ("as written", [{"Key": "a", "Value": "b"}])
    stack.destroy()


def test_ignored_drift_is_left(bench: Bench, cloud: Cloud) -> None:
    def program() -> None:
        pulumi.export("role", role(description="a", opts=pulumi.ResourceOptions(ignore_changes=["description"])).name)

    stack = bench.stack()
    name = stack.up(program).outputs["role"]
    cloud("iam").update_role(RoleName=name, Description="by hand")
    stack.refresh()
    assert stack.up(program).changed == {}
    stack.destroy()


def test_things_are_imported_and_got_by_id(bench: Bench, cloud: Cloud) -> None:
    gateway = cloud("apigateway")
    api = gateway.create_rest_api(name="imported", tags={"a": "b"})["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")

    def program() -> None:
        aws.apigateway.RestApi("api", name="imported", tags={"a": "b"}, opts=pulumi.ResourceOptions(import_=api))
        aws.apigateway.Method(
            "method", rest_api=api, resource_id=root, http_method="GET", authorization="NONE",
            opts=pulumi.ResourceOptions(import_=f"{api}/{root}/GET"),
        )  # fmt: skip
        pulumi.export("got", aws.apigateway.RestApi.get("got", api).root_resource_id)

    stack = bench.stack()
    outcome = stack.up(program)
    assert (outcome.steps["api"], outcome.steps["method"]) == ([Op.IMPORT], [Op.IMPORT])
    assert outcome.outputs["got"] == root
    assert stack.state()["method"]["id"] == f"agm-{api}-{root}-GET"
    assert stack.up(program).changed == {}
    stack.destroy()


def test_secrets_are_nowhere_in_state(bench: Bench) -> None:
    def program() -> None:
        hidden = pulumi.Output.secret(SECRET * 3)
        secret = aws.secretsmanager.Secret("secret", recovery_window_in_days=0)
        aws.secretsmanager.SecretVersion("version", secret_id=secret.id, secret_string=SECRET)
        aws.apigateway.ApiKey("key", value=hidden)
        aws.lambda_.Function(
            "f", role=role(tags={"t": hidden}).arn, code=code("x"), handler="app.handler", runtime="python3.12",
            environment={"variables": {"KEY": hidden, "OPEN": "yes"}},
        )  # fmt: skip

    stack = bench.stack()
    stack.up(program)
    stack.refresh()
    text = json.dumps(stack.state())
    assert SECRET not in text
    assert stack.state()["f"]["outputs"]["environment"]["variables"]["OPEN"] == "yes"
    for file in bench.folder.rglob("*.json"):
        assert SECRET not in file.read_text()
    stack.destroy()


def test_providers_of_several_regions_work_side_by_side(bench: Bench, cloud: Cloud) -> None:
    def program() -> None:
        there = aws.Provider(
            "there", region="eu-west-1", default_tags={"tags": {"owner": "me"}}, profile="not-used",
            allowed_account_ids=["000000000000"], skip_credentials_validation=True,
        )  # fmt: skip
        here = aws.sns.Topic("here", tags={"a": "b"})
        away = aws.sns.Topic("away", tags={"a": "b"}, opts=pulumi.ResourceOptions(provider=there))
        pulumi.export("arns", [here.arn, away.arn])
        pulumi.export("tags", [here.tags_all, away.tags_all, away.tags])
        pulumi.export("region", aws.get_region_output(opts=pulumi.InvokeOutputOptions(provider=there)).region)

    stack = bench.stack()
    outputs = stack.up(program).outputs
    assert [arn.split(":")[3] for arn in outputs["arns"]] == ["us-east-1", "eu-west-1"]
    assert outputs["tags"] == [{"a": "b"}, {"owner": "me", "a": "b"}, {"a": "b"}]
    assert outputs["region"] == "eu-west-1"
    assert stack.refresh() == {}
    stack.destroy()


def test_a_wrong_account_or_key_stops_the_provider(bench: Bench) -> None:
    def wrong() -> None:
        other = aws.Provider("other", region="us-east-1", allowed_account_ids=["123456789012"])
        role(opts=pulumi.ResourceOptions(provider=other))

    stack = bench.stack()
    assert "AWS account ID not allowed: 000000000000" in failed(lambda: stack.up(wrong))


def test_the_stage_url_can_be_called(bench: Bench) -> None:
    def program() -> None:
        function = aws.lambda_.Function(
            "f", role=role().arn, code=code("hi"), handler="app.handler", runtime="python3.12"
        )
        api = aws.apigateway.RestApi("api", endpoint_configuration={"types": "REGIONAL"})
        place = {"rest_api": api.id, "resource_id": api.root_resource_id}
        method = aws.apigateway.Method("m", **place, http_method="GET", authorization="NONE")
        integration = aws.apigateway.Integration(
            "i", **place, http_method=method.http_method, type="AWS_PROXY", integration_http_method="POST",
            uri=function.invoke_arn,
        )  # fmt: skip
        permission = aws.lambda_.Permission(
            "p", function=function.name, action="lambda:InvokeFunction", principal="apigateway.amazonaws.com",
            source_arn=api.execution_arn.apply(lambda arn: f"{arn}/*"),
        )  # fmt: skip
        ready = after(integration, permission)
        deployment = aws.apigateway.Deployment("d", rest_api=api.id, opts=ready)
        stage = aws.apigateway.Stage("s", rest_api=api.id, deployment=deployment.id, stage_name="v1")
        pulumi.export("url", stage.invoke_url)

    stack = bench.stack()
    url = stack.up(program).outputs["url"]
    with urllib.request.urlopen(f"{url}/") as answer:
        assert answer.read() == b"hi"
    stack.destroy()


def test_stages_of_a_usage_plan_come_and_go(bench: Bench, cloud: Cloud) -> None:
    def program(*stages: str) -> Callable[[], None]:
        def run() -> None:
            api = aws.apigateway.RestApi("api")
            root = {"rest_api": api.id, "resource_id": api.root_resource_id, "http_method": "GET"}
            method = aws.apigateway.Method("m", **root, authorization="NONE")
            made = aws.apigateway.Integration("i", **root, type="MOCK", opts=after(method))
            deployment = aws.apigateway.Deployment("d", rest_api=api.id, opts=after(made))
            names = [
                aws.apigateway.Stage(name, rest_api=api.id, deployment=deployment.id, stage_name=name).stage_name
                for name in ("a", "b", "c")
            ]
            wanted = [name for name, text in zip(names, ("a", "b", "c"), strict=True) if text in stages]
            plan = aws.apigateway.UsagePlan("plan", api_stages=[{"api_id": api.id, "stage": name} for name in wanted])
            pulumi.export("plan", plan.id)

        return run

    stack = bench.stack()
    plan = stack.up(program("a", "b")).outputs["plan"]
    assert stack.up(program("c", "b")).changed == {"plan": [Op.UPDATE]}
    found = cloud("apigateway").get_usage_plan(usagePlanId=plan)["apiStages"]
    assert {item["stage"] for item in found} == {"b", "c"}
    assert stack.refresh() == {}
    stack.destroy()


def test_functions_answer(bench: Bench) -> None:
    def program() -> None:
        document = aws.iam.get_policy_document_output(
            statements=[{"actions": ["s3:GetObject"], "resources": [aws.s3.Bucket("b").arn]}]
        )
        pulumi.export("document", document.json)
        pulumi.export("account", aws.get_caller_identity().account_id)
        pulumi.export("partition", aws.get_partition().dns_suffix)
        pulumi.export("region", aws.get_region().description)

    stack = bench.stack()
    outputs = stack.up(program).outputs
    assert json.loads(outputs["document"])["Statement"][0]["Resource"].startswith("arn:aws:s3:::b-")
    assert outputs["account"] == "000000000000"
    assert outputs["partition"] == "amazonaws.com"
    assert outputs["region"] == "US East (N. Virginia)"
    stack.destroy()
