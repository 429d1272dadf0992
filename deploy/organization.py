"""The parameters of a first deployment that can be read from AWS Organizations: the organization's id, its
root, and whether this is another account than the management account."""

from dataclasses import dataclass

import boto3
import botocore.exceptions

NO_ORGANIZATION = "AWSOrganizationsNotInUseException"
INSTEAD = "give AccountIds with the accounts to collect, and ManageMemberRoles=false"


class NotFound(Exception):
    """A parameter that must be given; the text says which, and why it was not found."""


@dataclass(frozen=True)
class Found:
    """A parameter that was found, and what it is."""

    name: str
    value: str
    what: str

    @property
    def parameter(self) -> str:
        return f"{self.name}={self.value}"


def found(given: dict[str, str], account: str) -> list[Found]:
    """The parameters for a deployment in `account` that names neither its organization nor its accounts."""
    if given.get("OrganizationId") or given.get("AccountIds"):
        return []
    client = boto3.client("organizations")
    organization = _organization(client)
    management = organization["MasterAccountId"]
    parameters = [Found("OrganizationId", organization["Id"], "the organization of this account")]
    if given.get("ManageMemberRoles") != "false" and not given.get("OrganizationalUnitIds"):
        parameters.append(Found("OrganizationalUnitIds", _root(client), "its root, so every account"))
    if "DelegatedAdministrator" not in given and management != account:
        parameters.append(Found("DelegatedAdministrator", "true", f"the management account is {management}"))
    return parameters


def _organization(client) -> dict[str, str]:
    try:
        return client.describe_organization()["Organization"]
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == NO_ORGANIZATION:
            raise NotFound(f"this account is in no organization: {INSTEAD}") from error
        raise NotFound(f"the organization can't be read ({error}): give OrganizationId, or {INSTEAD}") from error


def _root(client) -> str:
    try:
        roots = client.list_roots()["Roots"]
    except botocore.exceptions.ClientError as error:
        raise NotFound(
            f"the organization's root can't be read ({error}): give OrganizationalUnitIds, or deploy in the management "
            "account or a delegated administrator's account"
        ) from error
    return ",".join(root["Id"] for root in roots)
