"""One organization for the accounts that an account created, and its delegated administrators."""

import json
import time

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import (
    AccountScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    request_scope,
)
from ministack.services import organizations

handle_request = organizations.handle_request
extract_resource_arn = iam_actions.extract_resource_arn

# By account, the services it administers and since when; as all of MiniStack's, by management account.
_administrators = AccountScopedDict()


def management_account(account_id):
    """The management account of the organization that `account_id` was created in, or the account itself."""
    for management, member in list(organizations._accounts._data):
        if member == account_id and management != member:
            return management
    return account_id


def organization_id(account_id):
    """The organization of an account, if it has one."""
    organization = organizations._orgs.get_scoped(management_account(account_id), None, "self")
    return organization and organization["Id"]


async def _handle_request(method, path, headers, body, query_params):
    account_id = get_account_id()
    management = management_account(account_id)
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    with request_scope(management, get_region()):
        reads = operation.startswith(("Describe", "List")) and account_id in _administrators
        if account_id != management and not reads and operation != "DescribeOrganization":
            return _error("AccessDeniedException", "You don't have permissions to access this resource.")
        return await handle_request(method, path, headers, body, query_params)


def _register(payload):
    account_id = payload["AccountId"]
    if account_id == get_account_id():
        return _error(
            "ConstraintViolationException",
            "You cannot register master account/yourself as delegated administrator for your organization.",
        )
    if account_id not in organizations._accounts:
        return _error("AccountNotFoundException", "You specified an account that doesn't exist.")
    services = _administrators.get(account_id, {})
    if payload["ServicePrincipal"] in services:
        return _error(
            "AccountAlreadyRegisteredException",
            "The provided account is already a delegated administrator for your organization.",
        )
    _administrators[account_id] = services | {payload["ServicePrincipal"]: int(time.time())}
    return organizations._json(200, {})


def _deregister(payload):
    account_id = payload["AccountId"]
    services = dict(_administrators.get(account_id, {}))
    if services.pop(payload["ServicePrincipal"], None) is None:
        return _error(
            "AccountNotRegisteredException",
            "The provided account is not a registered delegated administrator for your organization.",
        )
    if services:
        _administrators[account_id] = services
    else:
        del _administrators[account_id]
    return organizations._json(200, {})


def _list_administrators(payload):
    asked = payload.get("ServicePrincipal")
    answer = [
        organizations._public_account(organizations._accounts[account_id])
        | {"DelegationEnabledDate": min(services.values())}
        for account_id, services in _administrators.items()
        if asked in (None, *services)
    ]
    return organizations._json(200, {"DelegatedAdministrators": answer})


def _list_services(payload):
    services = _administrators.get(payload["AccountId"], {})
    answer = [{"ServicePrincipal": service, "DelegationEnabledDate": since} for service, since in services.items()]
    return organizations._json(200, {"DelegatedServices": answer})


def _error(code, message):
    return error_response_json(code, message, 400, message_key="Message")


def _extract_resource_arn(service, method, path, headers, body, *arguments, **named):
    arn = extract_resource_arn(service, method, path, headers, body, *arguments, **named)
    if service != "organizations":
        return arn
    account_id = get_account_id()
    arn = arn.replace(account_id, management_account(account_id))
    if headers.get("x-amz-target", "").endswith(".DescribeAccount"):
        asked = json.loads(body).get("AccountId")
        return arn.replace("organization/*", f"account/{organization_id(account_id) or 'none'}/{asked}")
    return arn


def close():
    iam_actions.extract_resource_arn = _extract_resource_arn
    iam_evaluator._principal_org_id = organization_id
    organizations.handle_request = _handle_request
    organizations._DISPATCH |= {
        "RegisterDelegatedAdministrator": _register,
        "DeregisterDelegatedAdministrator": _deregister,
        "ListDelegatedAdministrators": _list_administrators,
        "ListDelegatedServicesForAccount": _list_services,
    }
