"""Keys of a policy's conditions."""

import re

from ministack.core import iam_evaluator
from ministack.services import s3

from .organizations import organization_id

resolve_condition_key = iam_evaluator._resolve_condition_key


def _resource_account(arn):
    """The account of a resource; a bucket's ARN does not say it."""
    if arn.startswith("arn:aws:s3:::"):
        return s3._bucket_owner_account(arn.split(":")[5].split("/")[0])
    return iam_evaluator._account_from_arn(arn)


def _resolve_condition_key(key, context):
    value = resolve_condition_key(key, context)
    match key.lower():
        case "aws:principalarn":
            return re.sub(r"^arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.*$", r"arn:\1:iam::\2:role/\3", value)
        case "aws:resourceaccount" | "s3:resourceaccount":
            return _resource_account(context.resource_arn) or value
        case "aws:resourceorgid":
            return organization_id(_resource_account(context.resource_arn) or context.principal_account)
        case "kms:calleraccount" if context.action.startswith("kms:"):
            return context.principal_account
    return value


def close():
    iam_evaluator._resolve_condition_key = _resolve_condition_key
