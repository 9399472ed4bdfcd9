"""A data source that AWS refuses is AWS's answer, not a traceback of ours."""

from __future__ import annotations

from llmstrat_iac.engine.failures import explain_invoke

TOKEN = "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"
RAISED = (
    f"invoke of {TOKEN} failed: invocation of {TOKEN} returned an error: reading EC2 Instance Type Offerings:\n"
    "operation error EC2: DescribeInstanceTypeOfferings, https response error StatusCode: 403, UnauthorizedOperation"
)


def test_the_refusal_is_told_in_one_line() -> None:
    explained = explain_invoke(Exception(RAISED))
    assert explained is not None
    assert explained.message == (
        "AWS can't answer `getInstanceTypeOfferings`: reading EC2 Instance Type Offerings: operation error EC2: "
        "DescribeInstanceTypeOfferings, https response error StatusCode: 403, UnauthorizedOperation"
    )
    assert "llmstrat iam" in (explained.remedy or "")


def test_what_a_program_raises_itself_stays_what_it_is() -> None:
    assert explain_invoke(Exception("something else")) is None
    assert explain_invoke(ValueError(RAISED)) is None
