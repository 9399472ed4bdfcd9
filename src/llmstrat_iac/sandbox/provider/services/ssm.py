"""SSM parameters: looking one up."""

from __future__ import annotations

from llmstrat_iac.sandbox.provider.registry import Call, function
from llmstrat_iac.sandbox.provider.values import Props, Secret


@function("aws:ssm/getParameter:getParameter")
def get_parameter(call: Call, args: Props) -> Props:
    """A parameter's value, which is a secret; and as plain text, unless it is one indeed."""
    decrypt = args.get("withDecryption") is not False
    found = call.client("ssm").get_parameter(Name=args["name"], WithDecryption=decrypt)["Parameter"]
    secret = found["Type"] == "SecureString"
    return {
        **args,
        "id": args["name"],
        "arn": found["ARN"],
        "region": call.region,
        "type": found["Type"],
        "value": Secret(found["Value"]),
        "insecureValue": "" if secret else found["Value"],
        "version": found["Version"],
    }
