"""Every permission of every function is needed, and one that is missing is named.

Each is taken from its role in turn, and a night runs without it: over the collector's own account, an
account with the role, and one without, in a bucket with exemptions and an earlier night. The table
has how such a night ends. A permission that is not in it fails a test, so the policies have no more than is
used."""

import itertools
import json
import re
from contextlib import contextmanager
from functools import partial

import pytest
from local_aws import deployment
from local_aws.organization import MANAGEMENT

STEPS = ("list-accounts", "collect-report", "analyze-reports", "notify")
EARLIER, TONIGHT = "2039-05-01", "2039-05-02"
# Later than both, so that no other night takes it for its history.
DAY_OF_AWSS_SAMPLE, DAY_AFTER = "2039-06-01", "2039-06-02"
EXEMPTION = '[[exemption]]\nuser = "nobody"\nreason = "there for the sake of being read"\nexpires = 2040-01-01\n'

# Lambda asks for these itself, and nothing here does: a function without them runs, and logs nothing.
NOT_ASKED_FOR_HERE = {"logs:CreateLogStream", "logs:PutLogEvents"}
# S3 asks for this with a bucket key, which the local one has none of. The analysis needs it for what it reads.
FOR_THE_BUCKET_KEY = {("list-accounts", "kms:Decrypt"), ("collect-report", "kms:Decrypt")}


class Night:
    """A run, and what people see of it."""

    def __init__(self, stack, org, date=TONIGHT):
        self.stack, self.org, self.date = stack, org, date
        for kind in stack.queue_urls:
            stack.messages(kind)
        accounts = [MANAGEMENT, org.accounts["Audit"], org.accounts["Sandbox Ben"]]
        self.execution = stack.start(name=f"{next(NAMES)}-started-{date.replace('-', '')}T010000Z", accounts=accounts)

    @property
    def manifest(self):
        assert self.execution["status"] == "SUCCEEDED", self.execution
        manifest = json.loads(self.stack.read(f"{self.date}/run.json")[0])
        assert manifest["execution"] == self.execution["name"]
        return manifest

    def account(self, name):
        account_id = self.org.accounts[name]
        (account,) = [a for a in self.manifest["accounts"] if a["account_id"] == account_id]
        return account


NAMES = (f"permission-{number}" for number in itertools.count())


# How a night without a permission ends. Each function returns the words that people read about it.


def fails(error):
    """The execution fails with the step's error, which is mailed."""

    def words(night):
        execution = night.execution
        assert (execution["status"], execution["error"]) == ("FAILED", error), execution
        cause = json.loads(execution["cause"])["errorMessage"]
        assert any(cause in message["Message"] for message in night.stack.messages(seconds=10, at_least=2))
        return cause

    return words


def account_fails(name, code):
    """One account fails with the code, and no other that did not before."""

    def words(night):
        account = night.account(name)
        assert (account["outcome"], account["code"]) == ("failed", code), account
        collected = {a["account_id"] for a in night.manifest["accounts"] if a["outcome"] == "collected"}
        assert collected == {MANAGEMENT, night.org.accounts["Audit"]} - {account["account_id"]}
        return account["message"]

    return words


def every_report_fails(code):
    """Every account fails with the code: the permission is one for all of them."""

    def words(night):
        accounts = night.account("Management"), night.account("Audit")
        assert {account["code"] for account in accounts} == {code}, accounts
        return accounts[0]["message"]

    return words


def has_no_outcome(name):
    """Not even the failure of an account could be recorded: it has no outcome, and the log says why."""

    def words(night):
        account = night.account(name)
        assert (account["outcome"], account["code"]) == ("no-outcome", "NoOutcome"), account
        lines = [json.loads(line) for line in night.stack.log("collect-report") if line.startswith("{")]
        failed = [line for line in lines if line.get("message") == "the step failed"]
        return [line["detail"] for line in failed if night.execution["name"] in json.dumps(line)][-1]

    return words


def passes_the_earlier_night_over(night):
    """The night is not compared with the one before, but with one that another test left or none, and says why."""
    history = night.manifest["history"]
    assert (history["compared_with"] or {}).get("date") != EARLIER, history
    (passed_over, *_) = history["passed_over"]
    assert passed_over["date"] == EARLIER
    return passed_over["reason"]


def lists_no_findings(night):
    """The digest has the counts, and says why it lists nothing."""
    assert night.manifest["findings"]["open"] > 0
    (digest,) = night.stack.messages("findings", seconds=5)
    return next(line for line in digest["Message"].splitlines() if line.startswith("The findings can't be listed here"))


TABLE = {
    "list-accounts": {
        ("organizations:DescribeOrganization", "*"): fails("OrganizationsDenied"),
        ("organizations:ListAccounts", "*"): fails("OrganizationsDenied"),
        ("organizations:ListAccountsForParent", "*"): fails("OrganizationsDenied"),
        ("organizations:ListOrganizationalUnitsForParent", "*"): fails("OrganizationsDenied"),
        ("organizations:ListRoots", "*"): fails("OrganizationsDenied"),
        ("s3:PutObject", "*/accounts.json"): fails("StorageFailed"),
        ("s3:PutObject", "*/to-collect/*.json"): fails("StorageFailed"),
        ("s3:PutObject", "running.json"): fails("StorageFailed"),
        ("s3:GetObject", "running.json"): fails("StorageFailed"),
        ("states:DescribeExecution", "execution"): fails("AnotherRunIsRunning"),
        ("kms:GenerateDataKey", "ReportKey"): fails("StorageFailed"),
    },
    "collect-report": {
        ("sts:AssumeRole", "role/rollcall-member"): account_fails("Audit", "RoleMissingOrDenied"),
        ("iam:GenerateCredentialReport", "*"): account_fails("Management", "DeniedByPolicy"),
        ("iam:GetCredentialReport", "*"): account_fails("Management", "DeniedByPolicy"),
        ("organizations:DescribeAccount", "account"): account_fails("Sandbox Ben", "RoleMissingOrDenied"),
        ("s3:PutObject", "*/reports/credentialReport_*.csv"): every_report_fails("StorageFailed"),
        ("s3:PutObject", "*/failures/*.json"): has_no_outcome("Sandbox Ben"),
        ("kms:GenerateDataKey", "ReportKey"): has_no_outcome("Audit"),
    },
    "analyze-reports": {
        ("s3:GetObject", "*/accounts.json"): fails("StorageFailed"),
        ("s3:GetObject", "*/reports/*"): every_report_fails("StorageFailed"),
        ("s3:GetObject", "*/failures/*"): account_fails("Sandbox Ben", "StorageFailed"),
        ("s3:GetObject", "exemptions.toml"): fails("StorageFailed"),
        ("s3:GetObject", "*/run.json"): passes_the_earlier_night_over,
        ("s3:GetObjectVersion", "*/findings.jsonl"): passes_the_earlier_night_over,
        ("s3:ListBucket", ""): passes_the_earlier_night_over,
        ("s3:ListBucket", "*/reports/"): fails("StorageFailed"),
        ("s3:ListBucket", "*/failures/"): fails("StorageFailed"),
        ("s3:ListBucket", "*/run.json"): passes_the_earlier_night_over,
        ("s3:ListBucket", "exemptions.toml"): fails("StorageFailed"),
        ("s3:PutObject", "*/findings.csv"): fails("StorageFailed"),
        ("s3:PutObject", "*/findings.jsonl"): fails("StorageFailed"),
        ("s3:PutObject", "*/summary.html"): fails("StorageFailed"),
        ("s3:PutObject", "*/exemptions.toml"): fails("StorageFailed"),
        ("s3:PutObject", "*/tables/accounts/accounts.jsonl"): fails("StorageFailed"),
        ("s3:PutObject", "*/tables/findings/symlink.txt"): fails("StorageFailed"),
        ("s3:PutObject", "*/run.json"): fails("StorageFailed"),
        ("kms:Decrypt", "ReportKey"): fails("StorageFailed"),
        ("kms:GenerateDataKey", "ReportKey"): fails("StorageFailed"),
    },
    "notify": {
        ("s3:GetObject", "*/run.json"): fails("StorageFailed"),
        ("s3:GetObject", "*/findings.jsonl"): lists_no_findings,
        ("sns:Publish", "ErrorTopic"): fails("SomeMessagesNotSent"),
        ("sns:Publish", "FindingsTopic"): fails("SomeMessagesNotSent"),
        ("sns:Publish", "ChatTopic"): fails("SomeMessagesNotSent"),
        ("kms:Decrypt", "MessagesUnderTheKey"): fails("MessageNotSent"),
        ("kms:GenerateDataKey", "MessagesUnderTheKey"): fails("MessageNotSent"),
        ("kms:Decrypt", "ReportKey"): fails("StorageFailed"),
    },
}
# What ListAccounts asks of Organizations when it has roots and units to look under, and not the whole.
UNDER_UNITS = {
    (f"organizations:{action}", "*")
    for action in (
        "DescribeOrganization", "DescribeOrganizationalUnit", "ListAccountsForParent",
        "ListOrganizationalUnitsForParent", "ListRoots",
    )
}  # fmt: skip
# What AnalyzeReports also needs in a bucket whose last day is of AWS's sample.
OF_A_PREDECESSOR = {("s3:GetObject", "????-??-??/credentialReport_*.csv"), ("s3:ListBucket", "*/credentialReport_")}
# And for a last day whose run.json names no versions, as up to release 0.2.0.
OF_VERSION_1 = {("s3:GetObject", "*/findings.jsonl")}
PERMISSIONS = [(step, action, on) for step, permissions in TABLE.items() for action, on in permissions]


KEY = re.compile(r"arn:aws:kms:.+:key/.+")


def name_of(resource, sid):
    """A resource without the names that a deployment makes up: what it is called in the table. Keys have no
    names; each is called by its statement."""
    for pattern in (
        r"arn:aws:s3:::[^/]+/(.+)",
        r"arn:aws:iam::\*:(role/.+)",
        r"arn:aws:sns:.+-(\w+Topic)-\w+",
        r"arn:aws:organizations::\*:(account)/o-\w+/\*",
        r"arn:aws:states:.+:(execution):[^:]+:\*",
    ):
        if found := re.fullmatch(pattern, resource):
            return "".join(found.groups())
    return sid if KEY.fullmatch(resource) else resource


def as_list(value):
    return value if isinstance(value, list) else [value]


def taken_apart(policy):
    """Each permission of a policy, by what the table calls it, with a statement that allows it alone: one
    action on one resource, under one of the values where a condition lists some."""
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow" and set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        for action, resource in itertools.product(as_list(statement["Action"]), as_list(statement["Resource"])):
            allowed = statement | {"Action": action, "Resource": resource}
            lists = [
                (operator, key, values)
                for operator, keys in statement.get("Condition", {}).items()
                for key, values in keys.items()
                if isinstance(values, list)
            ]
            assert len(lists) <= 1, "which of them are to be taken in turn?"
            if not lists:
                yield (action, name_of(resource, statement["Sid"])), allowed
            for operator, key, values in lists:
                for value in values:
                    condition = statement["Condition"] | {operator: statement["Condition"][operator] | {key: value}}
                    yield (action, value), allowed | {"Condition": condition}


def policy_of(aws, stack, step):
    iam = aws.client("iam", MANAGEMENT)
    return iam.get_role_policy(RoleName=f"{stack.stack}-{step}", PolicyName=step)["PolicyDocument"]


@contextmanager
def without(aws, stack, step, permission):
    """The role of a step without one of its permissions."""
    iam = aws.client("iam", MANAGEMENT)
    policy = policy_of(aws, stack, step)

    def put(document):
        iam.put_role_policy(RoleName=f"{stack.stack}-{step}", PolicyName=step, PolicyDocument=json.dumps(document))

    kept = [statement for of, statement in taken_apart(policy) if of != permission]
    assert len(kept) == len(list(taken_apart(policy))) - 1, f"the policy has no {permission}"
    put(policy | {"Statement": kept})
    try:
        yield
    finally:
        put(policy)


@pytest.fixture(scope="module")
def with_a_past(deployed, running_aws):
    """The deployed stack with exemptions and a night before tonight's."""
    running_aws.proxy.reset()
    deployed.s3.put_object(Bucket=deployed.bucket, Key="exemptions.toml", Body=EXEMPTION)
    execution = deployed.start(name=f"earlier-started-{EARLIER.replace('-', '')}T010000Z")
    assert execution["status"] == "SUCCEEDED", execution
    yield deployed
    deployed.s3.delete_object(Bucket=deployed.bucket, Key="exemptions.toml")


@pytest.fixture(scope="module")
def of_units(running_aws, folder, org, built):
    """A deployment for the root and a unit under it."""
    units = f"{org.root_id},{org.units['Workloads']}"
    return deployment.Deployment(
        running_aws, folder, stack="rollcall-chosen", OrganizationId=org.id, OrganizationalUnitIds=units, KmsKeyStatus="None"
    )


def test_with_every_permission_the_night_is_as_it_should_be(aws, with_a_past, org):
    night = Night(with_a_past, org)
    outcomes = {account["name"]: account.get("code", account["outcome"]) for account in night.manifest["accounts"]}
    assert sorted(outcomes.values()) == ["RoleMissingOrDenied", "collected", "collected"]
    assert night.manifest["history"]["compared_with"]["date"] == EARLIER
    assert "organizations:" not in night.account("Sandbox Ben")["message"]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_has_no_permission_but_those_of_the_table(aws, deployed, step):
    permissions = [permission for permission, _ in taken_apart(policy_of(aws, deployed, step))]
    asked = [
        permission
        for permission in permissions
        if permission[0] not in NOT_ASKED_FOR_HERE and (step, permission[0]) not in FOR_THE_BUCKET_KEY
    ]
    assert sorted(asked) == sorted({*TABLE[step]} | (OF_A_PREDECESSOR | OF_VERSION_1 if step == "analyze-reports" else set()))


@pytest.mark.parametrize(
    ("step", "action", "on"), PERMISSIONS, ids=[f"{step} {action} {on}".strip() for step, action, on in PERMISSIONS]
)
def test_a_night_without_it_says_which(aws, with_a_past, org, step, action, on):
    with without(aws, with_a_past, step, (action, on)):
        words = TABLE[step][action, on](Night(with_a_past, org))
    assert action in words
    place = KEY.pattern if action.startswith("kms:") else re.escape(on).replace(r"\*", ".*")
    assert re.search(place, words), words


def test_a_day_that_names_no_versions_is_history_and_a_night_without_the_permission_says_why(aws, with_a_past, org):
    key = f"{EARLIER}/run.json"
    written, _ = with_a_past.read(key)
    manifest = json.loads(written)
    assert all(output.pop("version_id") for output in manifest["outputs"])
    put = partial(with_a_past.s3.put_object, Bucket=with_a_past.bucket, Key=key)
    put(Body=json.dumps(manifest | {"schema_version": 1}))
    try:
        assert Night(with_a_past, org).manifest["history"]["compared_with"]["date"] == EARLIER
        with without(aws, with_a_past, "analyze-reports", ("s3:GetObject", "*/findings.jsonl")):
            assert "s3:GetObject of " in passes_the_earlier_night_over(Night(with_a_past, org))
    finally:
        put(Body=written)


@pytest.fixture(scope="module")
def with_awss_sample(with_a_past, org):
    """The same, and a later day that AWS's sample wrote."""
    key = f"{DAY_OF_AWSS_SAMPLE}/credentialReport_{org.accounts['Audit']}.csv"
    report = with_a_past.aws.client("iam", org.accounts["Audit"]).get_credential_report()["Content"]
    with_a_past.s3.put_object(Bucket=with_a_past.bucket, Key=key, Body=report)
    return with_a_past


def test_a_day_of_awss_sample_is_history(aws, with_awss_sample, org):
    history = Night(with_awss_sample, org, DAY_AFTER).manifest["history"]
    assert (history["compared_with"]["date"], history["compared_with"]["predecessor_reports"]) == (DAY_OF_AWSS_SAMPLE, 1)


@pytest.mark.parametrize(("action", "on"), sorted(OF_A_PREDECESSOR), ids=[action for action, _ in sorted(OF_A_PREDECESSOR)])
def test_a_night_without_it_passes_over_the_day_of_awss_sample_and_says_why(aws, with_awss_sample, org, action, on):
    with without(aws, with_awss_sample, "analyze-reports", (action, on)):
        (passed_over, *_) = Night(with_awss_sample, org, DAY_AFTER).manifest["history"]["passed_over"]
    assert passed_over["date"] == DAY_OF_AWSS_SAMPLE
    assert action in passed_over["reason"]


def test_units_are_looked_up_and_the_whole_organization_is_not(aws, of_units):
    permissions = {permission for permission, _ in taken_apart(policy_of(aws, of_units, "list-accounts"))}
    of_organizations = {(action, on) for action, on in permissions if action.startswith("organizations:")}
    assert of_organizations == UNDER_UNITS
    assert {on for action, on in permissions - of_organizations if action.startswith("s3:")} == {
        "*/accounts.json",
        "*/to-collect/*.json",
        "running.json",
    }


@pytest.mark.parametrize(("action", "on"), sorted(UNDER_UNITS), ids=[action for action, _ in sorted(UNDER_UNITS)])
def test_a_night_of_units_without_it_says_which(aws, of_units, org, action, on):
    with without(aws, of_units, "list-accounts", (action, on)):
        assert action in fails("OrganizationsDenied")(Night(of_units, org))
