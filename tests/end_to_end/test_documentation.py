"""The documentation's commands: run here as they stand, run by another test, or marked as what only AWS can show."""

import json
import os
import random
import re
import shutil
import time
from datetime import UTC

import boto3
import documentation
import pytest
from documentation import PAGES, ROOT, Shell, anchors, blocks, links
from local_aws import deployment, organization
from local_aws.server import REGION

DEPLOY, AUDIT, CONFIGURE, OPERATE, ASK = (
    f"docs/{page}.md" for page in ("deploy", "audit", "configure", "runbook", "athena")
)

# The pages whose commands are run here, and in what order their sections are read.
RELEASE = ["From a release, without a compiler"]
MANAGEMENT_ACCOUNT = ["What you need", "In the management account", "The first night"]
AUDIT_ACCOUNT = ["Delegate", "Deploy the stack", "The management account's role"]
LOG_ARCHIVE = ["Delegate", "With a log-archive account", "The management account's role"]
MEMBER_ROLE = ["Member roles another way"]
NO_ORGANIZATION = ["Without Organizations"]
CONFIGURED = ["Who gets messages", "The input of a run"]
AUDITORS = ["Who may read it"]
AUDITED = [
    "Download a date", "Check the files", "What vouches for run.json", "How it is kept",
    "Prove that no account is missing", "Check it with Rollcall", "When a day was replaced",
]  # fmt: skip
OPERATED = ["Where to look", "Start again and check", "The no-run alarm"]
ASKED = ["Deploy it"]
RUN_HERE = {
    ASK: {*ASKED},
    OPERATE: {*OPERATED},
    DEPLOY: {*RELEASE, *MANAGEMENT_ACCOUNT, *AUDIT_ACCOUNT, *LOG_ARCHIVE, *MEMBER_ROLE, *NO_ORGANIZATION},
    CONFIGURE: {*CONFIGURED},
    AUDIT: {*AUDITORS, *AUDITED},
}

# The commands of the other pages, and the test that runs each.
RUN_ELSEWHERE = {
    "README.md": {
        "rollcall analyze tests/fixtures/organization --as-of 2026-11-21":
            "cli/tests/command/documentation.rs::the_readme_shows_what_is_printed",
        "rollcall analyze reports/":
            "cli/tests/command/analyze/folders.rs::"
            "a_folder_of_reports_is_flagged_and_says_what_only_a_roll_could_tell",
        "rollcall run --this-account":
            "tests/end_to_end/test_command_run.py::test_one_account_needs_no_role_and_no_organization",
        "rollcall run --member-role-name AuditRole":
            "tests/end_to_end/test_command_run.py::"
            "test_the_command_and_the_state_machine_write_the_same_reports_and_findings",
        'make deploy PARAMETERS="OrganizationId=o-a1b2c3d4e5 OrganizationalUnitIds=r-ab12 '
        'ErrorEmail=security@example.com FindingsEmail=owners@example.com"':
            "tests/end_to_end/test_deployments.py::test_one_command_builds_and_deploys",
        "aws stepfunctions start-execution --state-machine-arn STATE_MACHINE_ARN":
            "tests/end_to_end/test_documentation.py::test_the_management_account",
    },
    "docs/audit.md": {
        "rollcall verify runs/2026-01-31": "cli/tests/command/verify.rs::a_day_that_a_run_wrote_holds",
    },
    "docs/command.md": {
        "rollcall completions bash > ~/.local/share/bash-completion/completions/rollcall":
            "cli/src/commands/manual.rs::every_shell_completes_every_command",
        "rollcall man --output ~/.local/share/man/man1":
            "cli/src/commands/manual.rs::every_command_has_a_manual_page",
        "rollcall analyze reports/":
            "cli/tests/command/analyze/folders.rs::"
            "a_folder_of_reports_is_flagged_and_says_what_only_a_roll_could_tell",
        "rollcall analyze 2026-11-21/":
            "cli/tests/command/analyze/days.rs::a_day_has_the_findings_that_its_run_wrote",
        "rollcall analyze s3://BUCKET/2026-11-21/":
            "tests/end_to_end/test_command_analyze.py::test_a_bucket_has_the_findings_that_the_run_wrote",
        "aws iam generate-credential-report; sleep 5; aws iam get-credential-report --output json "
        "| rollcall analyze -":
            "cli/tests/command/analyze/folders.rs::"
            "an_answer_that_the_aws_command_line_printed_is_a_report_with_its_time",
        "rollcall analyze 2026-11-21/ --format asff --region eu-central-1 --output import/":
            "tests/end_to_end/test_command_analyze.py::"
            "test_sarif_and_asff_follow_the_schemas_of_their_owners",
        "rollcall run --this-account":
            "tests/end_to_end/test_command_run.py::test_one_account_needs_no_role_and_no_organization",
        "rollcall run --member-role-name AuditRole":
            "tests/end_to_end/test_command_run.py::"
            "test_the_command_and_the_state_machine_write_the_same_reports_and_findings",
        "rollcall run --output s3://BUCKET --kms-key-arn ARN":
            "tests/end_to_end/test_command_run.py::test_a_bucket_gets_the_layout_and_the_metadata_of_a_night",
        "rollcall diff tests/fixtures/organization tests/fixtures/organization-a-month-later "
        "--old-as-of 2026-11-21 --as-of 2026-12-21":
            "cli/tests/command/documentation.rs::the_page_of_the_command_shows_what_diff_prints",
        "rollcall doctor --output rollcall-reports":
            "tests/end_to_end/test_command_doctor.py::test_where_nothing_is_deployed_nothing_of_it_is_checked",
        "rollcall explain root-used":
            "cli/tests/command/documentation.rs::the_page_of_the_command_shows_what_explain_prints",
    },
}  # fmt: skip

# What takes too long for a test, or a machine of its own.
BY_HAND = {
    "make demo": "starts a local AWS of its own beside that of the tests",
    "cargo install --locked --path cli": "compiles everything once more, optimized",
    "make bench": "minutes of measuring, on a machine that does nothing else",
    "make bench-command": "as make bench",
    "make bench-function": "as make bench",
    "make bench-start": "as make bench",
    "make soak": "minutes of simulated nights; a few of them are in make test",
    "make fuzz": "ten minutes a target; the inputs that it began with and those it found are in make test",
}


def consoles(page):
    return [block for block in blocks(page) if block.kind == "console"]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page):
    for block in blocks(page):
        assert block.kind in documentation.KINDS, f"{page}:{block.line}"
        assert block.kind == "console" or not re.search(r"^\$ ", block.text, re.MULTILINE), f"{page}:{block.line}"
        if block.only_aws:
            assert "only on aws" in block.before.lower(), f"{page}:{block.line} says it in words, too"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_run_by_a_test_or_marked_as_only_on_aws(page):
    elsewhere = RUN_ELSEWHERE.get(page, {})
    for block in consoles(page):
        if block.only_aws or block.heading in RUN_HERE.get(page, ()):
            continue
        for command in block.commands:
            by_hand = [name for name in BY_HAND if re.search(rf"(^|\s){re.escape(name)}($|\s)", command.name)]
            assert command.name in elsewhere or by_hand, f"no test runs {command}"
    names = {command.name for block in consoles(page) for command in block.commands}
    assert set(elsewhere) <= names, "the table names what the page no longer has"


def test_the_tests_that_run_commands_are_there():
    for test in {test for commands in RUN_ELSEWHERE.values() for test in commands.values()}:
        file, _, name = test.partition("::")
        assert re.search(rf"(def|fn) {name}\(", (ROOT / file).read_text()), test


def test_sections_whose_commands_are_run_are_there():
    for page, headings in RUN_HERE.items():
        assert headings == {b.heading for b in consoles(page) if not b.only_aws and b.heading in headings}, page


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for path, anchor in links(page):
        assert (ROOT / path).exists(), f"{page} links to {path}"
        assert not anchor or anchor in anchors(path), f"{page} links to {path}#{anchor}"


class Reader:
    """A person with an organization of four accounts who follows the pages: the profiles that the pages name,
    and the words that replace their examples."""

    def __init__(self, aws, rollcall_binary, folder):
        self.aws = aws
        self.folder = folder
        management = f"{random.randrange(10**11, 10**12)}"
        organizations = aws.client("organizations", management)
        self.accounts = {"management": management}
        for name in ("audit", "log-archive", "member"):
            answer = organizations.create_account(AccountName=name, Email=f"{name}@example.com")
            self.accounts[name] = answer["CreateAccountStatus"]["AccountId"]
        self.id = organizations.describe_organization()["Organization"]["Id"]
        self.root_id = organizations.list_roots()["Roots"][0]["Id"]
        self.words = {
            "o-a1b2c3d4e5": self.id,
            "r-ab12": self.root_id,
            "999988887777": management,
            "111122223333": self.accounts["audit"],
            "222233334444": self.accounts["log-archive"],
            "444455556666": self.accounts["member"],
        }
        self.config = folder / "config"
        for name, account_id in self.accounts.items():
            self.profile(name, aws_access_key_id=account_id, aws_secret_access_key="local")
        programs = folder / "bin"
        programs.mkdir()
        (programs / "rollcall").symlink_to(rollcall_binary)
        (programs / "aws").symlink_to(ROOT / ".tools" / "tests" / "bin" / "aws")
        mine = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")
        self.environment = {name: value for name, value in aws.environment(management).items() if name not in mine} | {
            "AWS_CONFIG_FILE": str(self.config),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
            "AWS_PAGER": "",
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            # A test can't answer.
            "CONFIRM": "no",
            # As the tests build: unoptimized.
            "SAM_BUILD_MODE": "debug",
            "CARGO_LAMBDA_COMPILER": "cargo",
        }

    def profile(self, name, **settings):
        lines = [f"[profile {name}]", f"region = {REGION}", *(f"{key} = {value}" for key, value in settings.items())]
        with open(self.config, "a") as config:
            config.write("\n".join(lines) + "\n")

    def follow(self, page, headings, folder=ROOT, words=None, environment=None):
        """Runs the commands of these sections in `folder`, with these further words for the page's examples."""
        # This machine's processor, and no StackSets: the roles are there already.
        here = f"Architecture={deployment.ARCHITECTURE} ManageMemberRoles=false"
        Shell(
            self.environment | (environment or {}),
            folder,
            self.words | (words or {}),
            changes=[(r'(?s)PARAMETERS="((?!.*ManageMemberRoles=false).*)"', rf'PARAMETERS="{here} \1"'),
                     (r"(?=PackageBucketName=)", "ManageMemberRoles=false "),
                     (r'PARAMETERS="(?!Architecture)', f'PARAMETERS="Architecture={deployment.ARCHITECTURE} ')],
            # The local AWS has only root's credentials, which assume no role; and the organization's root users
            # have no MFA device, which is a finding.
            statuses={"rollcall doctor": 1, "rollcall analyze": 1},
            until={"aws stepfunctions list-executions": "SUCCEEDED"},
        ).run(page, *headings)

    def member_roles(self, collector, *names):
        """Makes the member roles, as the StackSet does; it never does in the management account."""
        arn = f"arn:aws:iam::{self.accounts[collector]}:role/rollcall-collect-report"
        accounts = {name: self.accounts[name] for name in names}
        organization.deploy_member_roles(
            self.aws, organization.Organization(self.id, self.root_id, accounts, {}), arn, accounts=[]
        )

    def stack(self, collector):
        """The outputs and parameters of the stack in an account."""
        cloudformation = self.aws.client("cloudformation", self.accounts[collector])
        (stack,) = cloudformation.describe_stacks(StackName="rollcall")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return outputs, {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}

    def quiet(self, collector):
        """Waits until no run is under way."""
        states = self.aws.client("stepfunctions", self.accounts[collector])
        arn = self.stack(collector)[0]["StateMachineArn"]
        while states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
            time.sleep(0.2)

    def night(self, collector):
        """Runs the stack in an account, and answers the manifest and its bucket."""
        outputs, parameters = self.stack(collector)
        states = self.aws.client("stepfunctions", self.accounts[collector])
        self.quiet(collector)
        arn = states.start_execution(stateMachineArn=outputs["StateMachineArn"])["executionArn"]
        self.quiet(collector)
        execution = states.describe_execution(executionArn=arn)
        assert execution["status"] == "SUCCEEDED", execution
        s3 = self.aws.client("s3", parameters.get("BucketAccountId") or self.accounts[collector])
        day = execution["startDate"].astimezone(UTC).date().isoformat()
        answer = s3.get_object(Bucket=outputs["ReportBucketName"], Key=f"{day}/run.json")
        return json.loads(answer["Body"].read()), outputs["ReportBucketName"]


@pytest.fixture(scope="module")
def reader(running_aws, built, rollcall_binary, tmp_path_factory):
    """Makes readers."""
    running_aws.proxy.reset()
    return lambda: Reader(running_aws, rollcall_binary, tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def managed(reader):
    """A reader who deployed in the management account."""
    person = reader()
    person.member_roles("management", "audit", "log-archive", "member")
    person.follow(DEPLOY, MANAGEMENT_ACCOUNT)
    (ROOT / "summary.html").unlink()
    return person


def outcomes(manifest):
    return {account["account_id"]: account["outcome"] for account in manifest["accounts"]}


def test_the_management_account(managed):
    manifest, _ = managed.night("management")
    assert outcomes(manifest) == dict.fromkeys(managed.accounts.values(), "collected")


def test_a_release(reader, package):
    person = reader()
    person.member_roles("management", "audit", "log-archive", "member")
    (archive,) = package.glob("*-deployment.zip")
    shutil.copy(archive, person.folder)
    words = {"packages-of-ours": f"packages-of-{person.accounts['management']}"}
    person.follow(DEPLOY, RELEASE, person.folder, words)
    manifest, _ = person.night("management")
    assert outcomes(manifest) == dict.fromkeys(person.accounts.values(), "collected")


def test_subscriptions_and_the_input_of_a_run(managed):
    managed.follow(CONFIGURE, CONFIGURED)
    sns = managed.aws.client("sns", managed.accounts["management"])
    (mine,) = [s for s in sns.list_subscriptions()["Subscriptions"] if s["Endpoint"] == "team@example.com"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=mine["SubscriptionArn"])["Attributes"]
    assert json.loads(attributes["FilterPolicy"]) == {"new": [{"numeric": [">", 0]}]}


def test_a_broken_night_is_looked_into(managed, tmp_path):
    manifest, bucket = managed.night("management")
    words = {
        "STATE_MACHINE_ARN": manifest["execution_arn"].rpartition(":")[0].replace(":execution:", ":stateMachine:"),
        "EXECUTION_ARN": manifest["execution_arn"],
        "BUCKET": bucket,
        "DATE": manifest["date"],
        "STACK": "rollcall",
    }
    managed.follow(OPERATE, OPERATED, tmp_path, words, {"AWS_PROFILE": "management"})
    managed.quiet("management")


def test_an_audit_account(reader):
    person = reader()
    person.member_roles("audit", "log-archive", "member")
    person.follow(DEPLOY, AUDIT_ACCOUNT)
    manifest, _ = person.night("audit")
    assert outcomes(manifest) == dict.fromkeys(person.accounts.values(), "collected")


def test_accounts_without_an_organization(reader):
    person = reader()
    person.follow(DEPLOY, NO_ORGANIZATION)
    manifest, _ = person.night("audit")
    assert outcomes(manifest) == {person.accounts["audit"]: "collected", person.accounts["member"]: "collected"}
    assert manifest["source"] == "account-list"


def test_the_policies_of_the_page_are_those_that_the_template_deploys(reader):
    person = reader()
    person.follow(DEPLOY, MEMBER_ROLE)
    iam = person.aws.client("iam", person.accounts["member"])
    trust = iam.get_role(RoleName="rollcall-member")["Role"]["AssumeRolePolicyDocument"]
    permissions = iam.get_role_policy(RoleName="rollcall-member", PolicyName="credential-report")["PolicyDocument"]
    written = [block.text for block in blocks(DEPLOY) if block.heading == MEMBER_ROLE[0] and block.kind == "json"]
    for example, word in person.words.items():
        written = [text.replace(example, word) for text in written]
    assert [json.loads(text) for text in written] == [trust, permissions]


@pytest.fixture(scope="module")
def archived(reader):
    """A reader whose evidence is in a log archive, after two nights of a day, with an auditor."""
    person = reader()
    person.member_roles("audit", "log-archive", "member")
    # With the lock that the page describes in words, so that what it says of a lock is true of these versions.
    locked = {"CollectorStackName=rollcall": "CollectorStackName=rollcall ObjectLockDays=365"}
    person.follow(DEPLOY, LOG_ARCHIVE, words=locked)
    person.night("audit")
    person.manifest, person.bucket = person.night("audit")
    iam = person.aws.client("iam", person.accounts["audit"])
    iam.create_user(UserName="auditor")
    may = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/rollcall-auditor"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName="auditor", PolicyName="audit", PolicyDocument=policy)
    serial = organization.enable_mfa(iam, "auditor", "auditor")
    person.follow(AUDIT, AUDITORS)
    key = iam.create_access_key(UserName="auditor")["AccessKey"]
    sts = boto3.client(
        "sts",
        endpoint_url=person.aws.endpoint,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    session = sts.assume_role(
        RoleArn=f"arn:aws:iam::{person.accounts['log-archive']}:role/rollcall-auditor",
        RoleSessionName="auditor",
        SerialNumber=serial,
        TokenCode="123456",
    )["Credentials"]
    person.profile(
        "auditor",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    return person


def test_a_log_archive(archived):
    assert outcomes(archived.manifest) == dict.fromkeys(archived.accounts.values(), "collected")


@pytest.fixture
def day(archived):
    """The words of the audited day."""
    return {"2026-11-21": archived.manifest["date"], "rollcall-evidence": archived.bucket}


def test_an_audit(archived, day, tmp_path):
    archived.follow(AUDIT, AUDITED, tmp_path, day)


def test_the_tables_for_athena(archived):
    s3 = archived.aws.client("s3", archived.accounts["log-archive"])
    key = s3.head_object(Bucket=archived.bucket, Key=f"{archived.manifest['date']}/run.json")["SSEKMSKeyId"]
    archived.follow(ASK, ASKED, words={"REPORT_BUCKET": archived.bucket, "KEY_ARN": key})
    cloudformation = archived.aws.client("cloudformation", archived.accounts["log-archive"])
    (stack,) = cloudformation.describe_stacks(StackName="rollcall-athena")["Stacks"]
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}
    assert (parameters["ReportBucketName"], parameters["ReportKeyArn"]) == (archived.bucket, key)


def test_a_report_that_was_changed_is_named_by_the_check_of_the_page(archived, day, tmp_path):
    archived.follow(AUDIT, ["Download a date"], tmp_path, day)
    report = next((tmp_path / archived.manifest["date"] / "reports").glob("*.csv"))
    report.write_bytes(report.read_bytes() + b"\n")
    with pytest.raises(AssertionError, match=f"{report.name}: FAILED"):
        archived.follow(AUDIT, ["Check the files"], tmp_path, day, {"DAY": archived.manifest["date"]})
