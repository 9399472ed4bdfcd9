"""SNS: topics and subscriptions."""

from __future__ import annotations

from llmstrat_iac.sandbox.provider.faults import is_not_found
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import document, number, tag_delta, tag_list, tag_map, truth, wire
from llmstrat_iac.sandbox.provider.values import Props

FEEDBACK = {
    f"{api}{kind}": f"{prop}{kind}"
    for api, prop in {
        "Application": "application", "Firehose": "firehose", "HTTP": "http", "Lambda": "lambda", "SQS": "sqs"
    }.items()
    for kind in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
}  # fmt: skip
TOPIC = {
    "DisplayName": "displayName", "Policy": "policy", "DeliveryPolicy": "deliveryPolicy",
    "KmsMasterKeyId": "kmsMasterKeyId", "SignatureVersion": "signatureVersion", "TracingConfig": "tracingConfig",
    "ContentBasedDeduplication": "contentBasedDeduplication", "FifoThroughputScope": "fifoThroughputScope",
    "ArchivePolicy": "archivePolicy", **FEEDBACK,
}  # fmt: skip
DOCUMENTS = {"policy", "deliveryPolicy", "archivePolicy", "filterPolicy", "redrivePolicy", "replayPolicy"}
NUMBERS = {"signatureVersion", *(name for name in FEEDBACK.values() if name.endswith("SampleRate"))}


@resource("aws:sns/topic:Topic")
class Topic(Resource):
    def create(self, call: Call, args: Props) -> str:
        sns = call.client("sns")
        attributes = {"FifoTopic": "true"} if args.get("fifoTopic") else {}
        tags = tag_list(args.get("tagsAll"))
        rid = str(sns.create_topic(Name=args["name"], Attributes=attributes, Tags=tags)["TopicArn"])
        call.created_id = rid
        for api, prop in TOPIC.items():
            if args.get(prop):
                sns.set_topic_attributes(TopicArn=rid, AttributeName=api, AttributeValue=wire(args[prop]))
        return rid

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        sns = call.client("sns")
        found = sns.get_topic_attributes(TopicArn=rid)["Attributes"]
        result = {prop: _value(prop, found.get(api)) for api, prop in TOPIC.items()}
        return {
            **result,
            "name": rid.rpartition(":")[2],
            "arn": rid,
            "owner": found.get("Owner"),
            "fifoTopic": truth(found.get("FifoTopic")),
            "contentBasedDeduplication": truth(found.get("ContentBasedDeduplication")),
            "beginningArchiveTime": found.get("BeginningArchiveTime") or "",
            "tagsAll": tag_map(sns.list_tags_for_resource(ResourceArn=rid).get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        sns = call.client("sns")
        for api, prop in TOPIC.items():
            # Optional and computed ones keep their value when the program stops naming them.
            computed = prop in {"policy", "signatureVersion", "tracingConfig", "fifoThroughputScope"}
            if (computed and prop not in new) or (old.get(prop) or None) == (new.get(prop) or None):
                continue
            value = wire(new.get(prop)) if new.get(prop) is not None else ""
            sns.set_topic_attributes(TopicArn=rid, AttributeName=api, AttributeValue=value)
        added, removed = tag_delta(old, new)
        if added:
            sns.tag_resource(ResourceArn=rid, Tags=tag_list(added))
        if removed:
            sns.untag_resource(ResourceArn=rid, TagKeys=removed)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("sns").delete_topic(TopicArn=rid)


def _value(prop: str, text: str | None) -> object:
    if prop in DOCUMENTS:
        return document(text)
    return number(text) if prop in NUMBERS else text


SUBSCRIPTION = {
    "DeliveryPolicy": "deliveryPolicy", "FilterPolicy": "filterPolicy", "FilterPolicyScope": "filterPolicyScope",
    "RawMessageDelivery": "rawMessageDelivery", "RedrivePolicy": "redrivePolicy", "ReplayPolicy": "replayPolicy",
    "SubscriptionRoleArn": "subscriptionRoleArn",
}  # fmt: skip


@resource("aws:sns/topicSubscription:TopicSubscription")
class TopicSubscription(Resource):
    def create(self, call: Call, args: Props) -> str:
        attributes = {api: wire(args[prop]) for api, prop in SUBSCRIPTION.items() if args.get(prop)}
        made = call.client("sns").subscribe(
            TopicArn=args["topic"],
            Protocol=args["protocol"],
            Endpoint=args["endpoint"],
            Attributes=attributes,
            ReturnSubscriptionArn=True,
        )
        return str(made["SubscriptionArn"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("sns").get_subscription_attributes(SubscriptionArn=rid)["Attributes"]
        result = {prop: _value(prop, found.get(api)) for api, prop in SUBSCRIPTION.items()}
        return {
            **result,
            "topic": found["TopicArn"],
            "protocol": found["Protocol"],
            "endpoint": found["Endpoint"],
            "rawMessageDelivery": truth(found.get("RawMessageDelivery")),
            "filterPolicyScope": found.get("FilterPolicyScope")
            or ("MessageAttributes" if result["filterPolicy"] else ""),
            "arn": rid,
            "ownerId": found.get("Owner"),
            "pendingConfirmation": truth(found.get("PendingConfirmation")),
            "confirmationWasAuthenticated": truth(found.get("ConfirmationWasAuthenticated")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        sns = call.client("sns")
        for api, prop in SUBSCRIPTION.items():
            if prop == "filterPolicyScope" and prop not in new:
                continue
            if (old.get(prop) or None) != (new.get(prop) or None):
                value = wire(new[prop]) if new.get(prop) is not None else ""
                sns.set_subscription_attributes(SubscriptionArn=rid, AttributeName=api, AttributeValue=value)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        try:
            call.client("sns").unsubscribe(SubscriptionArn=rid)
        except Exception as error:
            # A subscription that was never confirmed can't be removed; AWS lets it expire.
            if not (state.get("pendingConfirmation") and is_not_found(error, "InvalidParameter")):
                raise
