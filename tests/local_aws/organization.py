"""An organization to collect: accounts under organizational units, users of every sort, and the
accounts that are difficult to collect."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

MANAGEMENT = "999988887777"
ACCESS_ROLE = "OrganizationAccountAccessRole"
MEMBER_ROLE_TEMPLATE = Path(__file__).parents[2] / "templates" / "member-role.yml"

# Name, organizational unit, and what is special about it.
ACCOUNTS = [
    ("Log Archive", "Security", None),
    ("Audit", "Security", None),
    ("Shop Production", "Workloads/Production", None),
    ("Payments Production", "Workloads/Production", None),
    ("Data Platform", "Workloads/Production", None),
    ("Shop Development", "Workloads/Development", None),
    ("Payments Development", "Workloads/Development", None),
    ("Mobile Development", "Workloads/Development", None),
    ("Network", "Infrastructure", None),
    ("Shared Services", "Infrastructure", None),
    ("Sandbox Anna", "Sandbox", None),
    ("Sandbox Ben", "Sandbox", "no role"),
    ("Legacy", "Sandbox", "role denies"),
    ("Acquired Company", "Sandbox", "suspended"),
]


@dataclass
class Organization:
    """What was made: the ids that a deployment and its tests need."""

    id: str
    root_id: str
    accounts: dict
    units: dict

    @property
    def members(self):
        """The ids of all accounts but the management account's."""
        return [account_id for name, account_id in self.accounts.items() if name != "Management"]


def make(aws, accounts=ACCOUNTS):
    """Makes the organization, its accounts and their users. Roles are not deployed yet."""
    organizations = aws.client("organizations", MANAGEMENT)
    organization_id = organizations.describe_organization()["Organization"]["Id"]
    root_id = organizations.list_roots()["Roots"][0]["Id"]
    units = {}
    made = {"Management": MANAGEMENT}
    for name, path, special in accounts:
        parent_id = root_id
        for depth in range(1, len(path.split("/")) + 1):
            unit = "/".join(path.split("/")[:depth])
            if unit not in units:
                answer = organizations.create_organizational_unit(ParentId=parent_id, Name=unit.split("/")[-1])
                units[unit] = answer["OrganizationalUnit"]["Id"]
            parent_id = units[unit]
        email = name.lower().replace(" ", "-") + "@example.com"
        account_id = organizations.create_account(AccountName=name, Email=email)["CreateAccountStatus"]["AccountId"]
        organizations.move_account(AccountId=account_id, SourceParentId=root_id, DestinationParentId=parent_id)
        if special == "suspended":
            organizations.close_account(AccountId=account_id)
        made[name] = account_id
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: _make_users(aws, *item), enumerate(made.values())))
    return Organization(organization_id, root_id, made, units)


def _make_users(aws, number, account_id):
    """Users with and without keys, passwords and MFA; more of them in some accounts."""
    iam = aws.client("iam", account_id)
    iam.create_user(UserName="deploy")
    iam.create_access_key(UserName="deploy")
    if number % 2:
        iam.create_user(UserName="anna.schmidt", Path="/people/")
        iam.create_login_profile(UserName="anna.schmidt", Password="not-a-Secret-1")
        enable_mfa(iam, "anna.schmidt", "anna")
    if number % 3 == 0:
        iam.create_user(UserName="ben")
        iam.create_login_profile(UserName="ben", Password="not-a-Secret-1")
        for status in ("Active", "Inactive"):
            key = iam.create_access_key(UserName="ben")["AccessKey"]
            iam.update_access_key(UserName="ben", AccessKeyId=key["AccessKeyId"], Status=status)
    if number % 4 == 0:
        iam.create_user(UserName="=cmd,with.comma@example")
        iam.create_access_key(UserName="=cmd,with.comma@example")


def enable_mfa(iam, user, device):
    """Gives a user an MFA device of this name, and answers its serial number."""
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=device)["VirtualMFADevice"]["SerialNumber"]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    iam.enable_mfa_device(UserName=user, SerialNumber=serial, **codes)
    return serial


def deploy_member_roles(aws, organization, collector_role_arn, accounts=ACCOUNTS, role_name="rollcall-member"):
    """Deploys templates/member-role.yml into every account that is to have the role: what the
    StackSet does on AWS, or a person who deploys the role another way."""
    special = {name: what for name, _, what in accounts}
    collector_account = collector_role_arn.split(":")[4]
    stack = f"{role_name}-role"

    def deploy(name, account_id):
        if account_id == collector_account or special.get(name) == "no role":
            return
        cloudformation = aws.client("cloudformation", account_id)
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=MEMBER_ROLE_TEMPLATE.read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[
                {"ParameterKey": "CollectorRoleArn", "ParameterValue": collector_role_arn},
                {"ParameterKey": "OrganizationId", "ParameterValue": organization.id},
                {"ParameterKey": "MemberRoleName", "ParameterValue": role_name},
            ],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        if special.get(name) == "role denies":
            _deny_report(aws, account_id, role_name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: deploy(*item), organization.accounts.items()))


def make_access_roles(aws, organization, accounts=ACCOUNTS):
    """Makes the role that `rollcall run` assumes by default: what Organizations makes in every
    account it creates, cut down to the two calls. The same accounts are without it, and the same denies."""
    special = {name: what for name, _, what in accounts}
    trust = [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}}]
    calls = ["iam:GenerateCredentialReport", "iam:GetCredentialReport"]

    def make(name, account_id):
        if name == "Management" or special.get(name) == "no role":
            return
        iam = aws.client("iam", account_id)
        iam.create_role(RoleName=ACCESS_ROLE, AssumeRolePolicyDocument=_policy(trust))
        allow = _policy([{"Effect": "Allow", "Action": calls, "Resource": "*"}])
        iam.put_role_policy(RoleName=ACCESS_ROLE, PolicyName="credential-report", PolicyDocument=allow)
        if special.get(name) == "role denies":
            _deny_report(aws, account_id, ACCESS_ROLE)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: make(*item), organization.accounts.items()))


def _deny_report(aws, account_id, role_name):
    """Denies the role the report that it was allowed."""
    deny = _policy([{"Effect": "Deny", "Action": "iam:GetCredentialReport", "Resource": "*"}])
    aws.client("iam", account_id).put_role_policy(RoleName=role_name, PolicyName="deny", PolicyDocument=deny)


def _policy(statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
