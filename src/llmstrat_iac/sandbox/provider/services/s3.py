"""S3: buckets, their public access block and encryption, and objects.

A bucket's versioning, policy, lifecycle and other inline blocks are deprecated duplicates of separate resources; they
are optional and computed, and not written here.
"""

from __future__ import annotations

from typing import Any, ClassVar

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.blobs import content
from llmstrat_iac.sandbox.provider.faults import is_not_found
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import request, tag_list, tag_map
from llmstrat_iac.sandbox.provider.values import Props

INLINE_DUPLICATES = (
    "accelerationStatus", "acl", "corsRules", "grants", "lifecycleRules", "logging", "objectLockConfiguration",
    "policy", "replicationConfiguration", "requestPayer", "serverSideEncryptionConfiguration", "versioning", "website",
)  # fmt: skip
ACCESS_FLAGS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


@resource("aws:s3/bucket:Bucket")
class Bucket(Resource):
    def create(self, call: Call, args: Props) -> str:
        duplicate = next((name for name in INLINE_DUPLICATES if args.get(name)), None)
        if duplicate:
            raise SandboxError(f"`{duplicate}` on a bucket is deprecated", remedy="use the separate resource for it")
        s3, name = call.client("s3"), str(args["bucket"])
        options: Props = {}
        if call.region != "us-east-1":
            options["CreateBucketConfiguration"] = {"LocationConstraint": call.region}
        if args.get("objectLockEnabled"):
            options["ObjectLockEnabledForBucket"] = True
        s3.create_bucket(Bucket=name, **options)
        call.created_id = name
        _put_bucket_tags(s3, name, args)
        return name

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        s3 = call.client("s3")
        s3.head_bucket(Bucket=rid)
        return {
            "bucket": rid,
            "arn": f"arn:{call.partition}:s3:::{rid}",
            "bucketDomainName": f"{rid}.s3.amazonaws.com",
            "bucketRegion": call.region,
            "bucketRegionalDomainName": f"{rid}.s3.{call.region}.amazonaws.com",
            "tagsAll": _bucket_tags(s3, rid),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        if old.get("tagsAll") != new.get("tagsAll"):
            _put_bucket_tags(call.client("s3"), rid, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        s3 = call.client("s3")
        if state.get("forceDestroy"):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=rid):
                for entry in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                    s3.delete_object(Bucket=rid, Key=entry["Key"], VersionId=entry["VersionId"])
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=rid):
                for entry in page.get("Contents", ()):
                    s3.delete_object(Bucket=rid, Key=entry["Key"])
        s3.delete_bucket(Bucket=rid)


def _put_bucket_tags(s3: Any, bucket: str, args: Props) -> None:
    if args.get("tagsAll"):
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tag_list(args["tagsAll"])})
    else:
        s3.delete_bucket_tagging(Bucket=bucket)


def _bucket_tags(s3: Any, bucket: str) -> dict[str, str]:
    try:
        return tag_map(s3.get_bucket_tagging(Bucket=bucket)["TagSet"])
    except Exception as error:
        if is_not_found(error) and "NoSuchBucket" not in str(error):
            return {}
        raise


@resource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
class BucketPublicAccessBlock(Resource):
    def create(self, call: Call, args: Props) -> str:
        flags = {name[0].upper() + name[1:]: bool(args.get(name)) for name in ACCESS_FLAGS}
        call.client("s3").put_public_access_block(Bucket=args["bucket"], PublicAccessBlockConfiguration=flags)
        return str(args["bucket"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("s3").get_public_access_block(Bucket=rid)["PublicAccessBlockConfiguration"]
        flags = {name: found.get(name[0].upper() + name[1:], False) for name in ACCESS_FLAGS}
        return {"bucket": rid, **flags}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        if not state.get("skipDestroy"):
            call.client("s3").delete_public_access_block(Bucket=rid)


@resource("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
class BucketEncryption(Resource):
    def create(self, call: Call, args: Props) -> str:
        call.client("s3").put_bucket_encryption(
            Bucket=args["bucket"],
            ServerSideEncryptionConfiguration={"Rules": [_encryption_rule(rule) for rule in args["rules"]]},
        )
        return str(args["bucket"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("s3").get_bucket_encryption(Bucket=rid)["ServerSideEncryptionConfiguration"]
        return {"bucket": rid, "rules": [_encryption_block(rule) for rule in found["Rules"]]}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self.create(call, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("s3").delete_bucket_encryption(Bucket=rid)


def _encryption_rule(rule: Props) -> Props:
    default = rule.get("applyServerSideEncryptionByDefault") or {}
    result: Props = {}
    if default:
        names = {"SSEAlgorithm": "sseAlgorithm", "KMSMasterKeyID": "kmsMasterKeyId"}
        result["ApplyServerSideEncryptionByDefault"] = request(default, names)
    if rule.get("bucketKeyEnabled") is not None:
        result["BucketKeyEnabled"] = rule["bucketKeyEnabled"]
    return result


def _encryption_block(rule: Props) -> Props:
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    block = {"sseAlgorithm": default.get("SSEAlgorithm"), "kmsMasterKeyId": default.get("KMSMasterKeyID")}
    return {
        "applyServerSideEncryptionByDefault": {key: value for key, value in block.items() if value},
        "bucketKeyEnabled": rule.get("BucketKeyEnabled", False),
    }


@resource("aws:s3/bucketObjectv2:BucketObjectv2")
class BucketObject(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "Bucket": "bucket", "Key": "key", "ACL": "acl", "CacheControl": "cacheControl",
        "ContentDisposition": "contentDisposition", "ContentEncoding": "contentEncoding",
        "ContentLanguage": "contentLanguage", "ContentType": "contentType", "Metadata": "metadata",
        "ServerSideEncryption": "serverSideEncryption", "SSEKMSKeyId": "kmsKeyId", "StorageClass": "storageClass",
        "WebsiteRedirectLocation": "websiteRedirect",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        s3 = call.client("s3")
        s3.put_object(Body=_body(args), **request(args, self.NAMES))
        if args.get("tagsAll"):
            s3.put_object_tagging(Bucket=args["bucket"], Key=args["key"], Tagging={"TagSet": tag_list(args["tagsAll"])})
        return self.identify(args, "")

    def identify(self, state: Props, rid: str) -> str:
        return f"{state['bucket']}/{state['key']}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        s3 = call.client("s3")
        bucket, key = rid.split("/", 1)
        head = s3.head_object(Bucket=bucket, Key=key)
        plain_names = {api: prop for api, prop in self.NAMES.items() if api not in {"Bucket", "Key", "ACL"}}
        found = {prop: head.get(api) for api, prop in plain_names.items()}
        tags = s3.get_object_tagging(Bucket=bucket, Key=key).get("TagSet")
        return {
            **found,
            "bucket": bucket,
            "key": key,
            "arn": f"arn:{call.partition}:s3:::{bucket}/{key}",
            "etag": str(head["ETag"]).strip('"'),
            "storageClass": head.get("StorageClass", "STANDARD"),
            "versionId": head.get("VersionId"),
            "tagsAll": tag_map(tags),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        content_kept = all(
            old.get(name) == new.get(name)
            for name in ("source", "content", "contentBase64", "sourceHash", *self.NAMES.values())
        )
        if not content_kept:
            self.create(call, new)
        elif old.get("tagsAll") != new.get("tagsAll"):
            call.client("s3").put_object_tagging(
                Bucket=new["bucket"], Key=new["key"], Tagging={"TagSet": tag_list(new.get("tagsAll"))}
            )

    def delete(self, call: Call, rid: str, state: Props) -> None:
        s3 = call.client("s3")
        bucket, key = rid.split("/", 1)
        if state.get("versionId"):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
                for entry in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                    if entry["Key"] == key:
                        s3.delete_object(Bucket=bucket, Key=key, VersionId=entry["VersionId"])
        s3.delete_object(Bucket=bucket, Key=key)


def _body(args: Props) -> bytes:
    if args.get("source") is not None:
        return content(args["source"])
    if args.get("contentBase64"):
        import base64

        return base64.b64decode(args["contentBase64"])
    return str(args.get("content") or "").encode()
