"""KMS, asked on behalf of a principal that uses a key through S3 or SNS."""

from contextvars import ContextVar
from urllib.parse import unquote

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, EvalResult
from ministack.core.responses import get_region, request_scope
from ministack.services import kms, s3, sns

from .buckets import asking, caller

KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"

resolve_sse_write_headers = s3._resolve_sse_write_headers
check_sse_read_headers = s3._check_sse_read_headers
check_sse_c_copy_source = s3._check_sse_c_copy_source
check_sse_c_part = s3._check_sse_c_part
handle_sns_request = sns.handle_request
get_topic = sns._get_topic

# None for what MiniStack itself publishes.
_publisher = ContextVar("publisher", default=None)


class Refused(Exception):
    """KMS refuses: the code of its error, and why."""

    def __init__(self, code, why):
        super().__init__(why)
        self.code = code


def use(principal, service, action, key_id, context):
    """Uses a key for a principal of `service` and answers the ARN of the key."""
    key = _key(key_id, principal.account)
    if key is None:
        raise Refused("NotFoundException", f"Key '{key_id}' does not exist")
    arn = key["Arn"]
    if key["KeyState"] == "Disabled":
        raise Refused("DisabledException", f"{arn} is disabled.")
    owner = arn.split(":")[4]
    is_root = principal.policies is None
    if is_root and owner == principal.account:
        return arn
    keys = {f"kms:encryptioncontext:{name}".lower(): value for name, value in context.items()}
    request = EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=f"kms:{action}",
        resource_arn=arn,
        region=get_region(),
        service_context=keys | {"kms:viaservice": f"{service}.{get_region()}.amazonaws.com"},
        principal_keys=principal.keys,
    )
    own = EvalResult("Allow") if is_root else iam_evaluator.evaluate(request, principal.policies, *principal.limits)
    decision = iam_evaluator.combine_resource_policy(
        own, request, key["Policy"], owner, required=True, limits=principal.limits
    )
    if decision.decision == "Allow":
        return arn
    by_key = own.decision == "Allow" or decision.resource_policy_arn
    if decision.decision == "Deny":
        because = f"with an explicit deny in {'a resource' if by_key else 'an identity'}-based policy"
    else:
        because = f"because no {'resource' if by_key else 'identity'}-based policy allows the kms:{action} action"
    raise Refused(
        "AccessDeniedException",
        f"User: {principal.arn} is not authorized to perform: kms:{action} on resource: {arn} {because}",
    )


def _key(key_id, account_id):
    """A key by its ARN, its id or an alias; without an ARN it is one of the account that asks."""
    region = get_region()
    if key_id.startswith("arn:"):
        region, account_id, key_id = key_id.split(":", 5)[3:]
    with request_scope(account_id, region):
        return kms._resolve_key(key_id.removeprefix("key/"))


def _use(action, headers, path=None):
    """Uses the key of an object, if it has one, for the principal that calls S3; an error, if that is refused."""
    request = asking.get()
    # All principals of the account may use the key that AWS made for S3, which is the default.
    key_id = headers.get(KEY_ID, "alias/aws/s3")
    if request is None or headers.get("x-amz-server-side-encryption") != "aws:kms" or "alias/aws/" in key_id:
        return None
    try:
        arn = use(request.principal, "s3", action, key_id, _context(path or request.path))
    except Refused as refused:
        if refused.code == "AccessDeniedException":
            return s3._error("AccessDenied", str(refused), 403)
        return s3._error(f"KMS.{refused.code}", str(refused), 400)
    headers[KEY_ID] = arn
    return None


def _context(path):
    """The encryption context of an object: a bucket key is used for all of the bucket."""
    bucket, _, key = path.lstrip("/").partition("/")
    default = s3._bucket_encryption.get_scoped(s3._bucket_owner_account(bucket), None, bucket, "")
    return {"aws:s3:arn": f"arn:aws:s3:::{bucket}" + ("" if "<BucketKeyEnabled>true<" in default else f"/{key}")}


def _resolve_sse_write_headers(headers, bucket):
    encryption, error = resolve_sse_write_headers(headers, bucket)
    error = error or _use("GenerateDataKey", encryption)
    return (None, error) if error else (encryption, None)


def _check_sse_read_headers(headers, stored):
    error = check_sse_read_headers(headers, stored)
    # The metadata of an object is not encrypted, a checksum of it is.
    if asking.get() and asking.get().method == "HEAD" and headers.get("x-amz-checksum-mode", "").upper() != "ENABLED":
        return error
    return error or _use("Decrypt", s3._stored_sse_headers(stored))


def _check_sse_c_copy_source(headers, stored):
    source = unquote(headers["x-amz-copy-source"].partition("?")[0])
    return check_sse_c_copy_source(headers, stored) or _use("Decrypt", s3._stored_sse_headers(stored), source)


def _check_sse_c_part(headers, upload):
    error = check_sse_c_part(headers, upload)
    # A part is decrypted before the object is put together, and then only for its checksum.
    if asking.get() and asking.get().method == "POST" and not upload["checksum_algorithm"]:
        return error
    return error or _use("Decrypt", s3._stored_sse_headers(upload))


async def _handle_sns_request(method, path, headers, body, query_params):
    token = _publisher.set(caller(headers, query_params))
    try:
        return await handle_sns_request(method, path, headers, body, query_params)
    finally:
        _publisher.reset(token)


def _get_topic(arn, action=None):
    topic, error = get_topic(arn, action)
    key_id = topic and topic["attributes"].get("KmsMasterKeyId")
    if action != "sns:Publish" or not key_id or _publisher.get() is None or "alias/aws/" in key_id:
        return topic, error
    try:
        for needed in ("GenerateDataKey", "Decrypt"):
            use(_publisher.get(), "sns", needed, key_id, {"aws:sns:topicArn": topic["arn"]})
    except Refused as refused:
        return None, sns._error(f"KMS{refused.code.removesuffix('Exception')}", str(refused), 400)
    return topic, error


def close():
    s3._resolve_sse_write_headers = _resolve_sse_write_headers
    s3._check_sse_read_headers = _check_sse_read_headers
    s3._check_sse_c_copy_source = _check_sse_c_copy_source
    s3._check_sse_c_part = _check_sse_c_part
    sns.handle_request = _handle_sns_request
    sns._get_topic = _get_topic
