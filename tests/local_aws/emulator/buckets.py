"""Buckets across accounts, and the principal of each request."""

from contextvars import ContextVar
from dataclasses import dataclass, replace

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.core.router import extract_access_key_id
from ministack.services import s3

handle_request = s3.handle_request
apply_bucket_scope = s3._apply_bucket_scope
foreign_bucket_allows = s3._foreign_bucket_allows
evaluate_resource_policy = iam_evaluator.evaluate_resource_policy


@dataclass
class Asking:
    """A request of S3 and the principal that signed it."""

    principal: iam_evaluator.PrincipalInfo
    method: str
    path: str


# None for MiniStack's own calls and for requests without a signature.
asking = ContextVar("asking", default=None)
_stranger = ContextVar("stranger", default=None)


async def _handle_request(method, path, headers, body, query_params, *arguments, internal=False, **named):
    principal = None if internal else caller(headers, query_params)
    token = asking.set(principal and Asking(principal, method, path))
    try:
        return await handle_request(method, path, headers, body, query_params, *arguments, internal=internal, **named)
    finally:
        asking.reset(token)


def caller(headers, query_params):
    """The principal that signed a request; IAM has already let it in."""
    access_key = extract_access_key_id(headers, query_params)
    principal = iam_evaluator.resolve_principal(access_key, get_account_id()) if access_key else None
    return principal if isinstance(principal, iam_evaluator.PrincipalInfo) else None


def _foreign_bucket_allows(owner, bucket, key, method, query_params, account_id, headers=None):
    token = _stranger.set(asking.get() and asking.get().principal)
    try:
        return foreign_bucket_allows(owner, bucket, key, method, query_params, account_id, headers)
    finally:
        _stranger.reset(token)


def _evaluate_resource_policy(document, context, *arguments, **named):
    stranger = _stranger.get()
    if stranger:
        context = replace(
            context, principal_arn=stranger.arn, principal_type=stranger.type, principal_keys=stranger.keys
        )
    return evaluate_resource_policy(document, context, *arguments, **named)


def _apply_bucket_scope(method, bucket, key, headers, *arguments, **named):
    denied = apply_bucket_scope(method, bucket, key, headers, *arguments, **named)
    source = headers.get("x-amz-copy-source", "").lstrip("/").split("/")[0]
    for name, header in (
        (bucket, "x-amz-expected-bucket-owner"),
        (source, "x-amz-source-expected-bucket-owner"),
    ):
        owner = s3._bucket_owner_account(name)
        if owner and headers.get(header, owner) != owner:
            return s3._error("AccessDenied", "Access Denied", 403, f"/{bucket}/{key}" if key else f"/{bucket}")
    return denied


def close():
    s3.handle_request = _handle_request
    s3._apply_bucket_scope = _apply_bucket_scope
    s3._foreign_bucket_allows = _foreign_bucket_allows
    iam_evaluator.evaluate_resource_policy = _evaluate_resource_policy
