"""`rollcall run`: the nightly run without deploying anything, with a person's own credentials."""

import hashlib
import json
import re
import signal
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from local_aws import command, proxy, reports
from local_aws.organization import MANAGEMENT

AS_OF = (datetime.now(UTC) + timedelta(days=120)).date().isoformat()
FAILING = {"Sandbox Ben": "RoleMissingOrDenied", "Legacy": "DeniedByPolicy"}
# What a run is held up at, so that it can be stopped in the middle.
HELD = ["Audit", "Network", "Team 01"]
SECRET = "nobody-may-read-this"
ESCAPE = "\x1b"


def to_collect(org):
    """How many accounts are collected: all but the one that is suspended."""
    return len(org.accounts) - 1


def outcomes(manifest):
    """What became of every account, without what is each run's own: the times, and messages with the
    name of the role and of the session."""
    own = ("message", "remedy", "waits", "failed_at")
    return {
        account["account_id"]: {name: value for name, value in account.items() if name not in (*own, "report")}
        | {name: account["report"][name] for name in ("sha256", "bytes", "rows", "generated") if "report" in account}
        for account in manifest["accounts"]
    }


def test_the_command_and_the_state_machine_write_the_same_reports_and_findings(rollcall, stack, aws, tmp_path):
    aws.proxy.script("iam", "GetCredentialReport", reports.kept(), forever=True)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    stack.start(name=f"{uuid.uuid4()}-started-{yesterday:%Y%m%d}T010000Z")
    execution = stack.start(asOf=AS_OF)
    assert execution["status"] == "SUCCEEDED", execution
    date = stack.date(execution)
    # What is new and since when depends on the nights before: the folder gets those of the bucket.
    folder = tmp_path / "reports"
    for key in stack.keys():
        if key < date and key.endswith(("/run.json", "/findings.jsonl")):
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(stack.read(key)[0])
    done = rollcall("run", "--as-of", AS_OF, "--output", folder)
    assert done.returncode == 2, "two accounts of the organization can't be collected"

    day, night = folder / date, stack.manifest(execution)
    manifest = command.manifest(day)
    assert outcomes(manifest) == outcomes(night)
    written = {account["report"]["key"] for account in night["accounts"] if "report" in account}
    assert {f"{date}/{path.relative_to(day)}" for path in (day / "reports").iterdir()} == written
    for key in [*sorted(written), f"{date}/findings.jsonl", f"{date}/findings.csv"]:
        assert (folder / key).read_bytes() == stack.read(key)[0], key
    for part in ("as_of", "source", "organization_id", "coverage", "policy", "history", "findings", "credentials"):
        assert manifest[part] == night[part], part
    statuses = {finding["status"] for finding in command.findings(day)}
    assert statuses == {"new", "ongoing"}, "the comparison is of both kinds"


def test_a_bucket_gets_the_layout_and_the_metadata_of_a_night(rollcall, stack, bucket):
    execution = stack.start()
    done = rollcall("run", "--output", f"s3://{bucket}", "--quiet")
    assert (done.returncode, done.stdout) == (2, "")

    date = stack.date(execution)
    manifest = json.loads(stack.s3.get_object(Bucket=bucket, Key=f"{date}/run.json")["Body"].read())

    def objects(name, execution):
        """Key, content type and names of metadata of all that the execution wrote."""
        found = {}
        pages = stack.s3.get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=f"{date}/")
        for key in (item["Key"] for page in pages for item in page["Contents"]):
            answer = stack.s3.get_object(Bucket=name, Key=key)
            metadata = answer["Metadata"]
            if metadata["execution"] == execution:
                assert metadata["sha256"] == hashlib.sha256(answer["Body"].read()).hexdigest(), key
                found[key] = (answer["ContentType"], sorted(metadata))
        return found

    assert objects(bucket, manifest["execution"]) == objects(stack.bucket, execution["name"])
    assert manifest["coverage"] == stack.manifest(execution)["coverage"]


def test_one_account_needs_no_role_and_no_organization(rollcall, aws, tmp_path):
    done = rollcall("run", "--this-account", "--output", tmp_path / "reports")
    calls = [(request.service, request.action) for request in aws.proxy.requests]
    assert calls == [
        ("sts", "GetCallerIdentity"),
        ("iam", "GenerateCredentialReport"),
        ("iam", "GetCredentialReport"),
    ]
    assert (done.returncode, command.errors(done)) == (1, [])
    manifest = command.manifest(command.the_day(tmp_path / "reports"))
    (account,) = manifest["accounts"]
    assert (account["account_id"], account["outcome"]) == (MANAGEMENT, "collected")
    assert manifest["findings"]["open"] > 0
    assert "Coverage: the one account has a report." in done.stdout


def session(aws, actions):
    """The environment of a session in the management account that may do these and nothing else. It is a
    role's: a user would be in the reports of other tests."""
    iam, name = aws.client("iam", MANAGEMENT), f"command-{uuid.uuid4().hex}"
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="allow", PolicyDocument=json.dumps(allow))
    answer = aws.client("sts", MANAGEMENT).assume_role(RoleArn=role["Arn"], RoleSessionName="person")
    aws.proxy.reset()
    keys = answer["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def permissions(rollcall, *services):
    """The actions of these services that the help lists."""
    listed = rollcall("run", "--help").stdout.split("Permissions of your credentials")[1]
    actions = re.findall(r"\b(?:iam|sts|organizations|s3|kms):[A-Z]\w+", listed)
    assert len(actions) == len(set(actions)) > 10
    return [action for action in actions if action.split(":")[0] in services]


def test_the_permissions_that_the_help_lists_are_all_it_takes(rollcall, aws, tmp_path, command_run):
    environment = session(aws, permissions(rollcall, "iam", "sts", "organizations"))
    done = rollcall("run", "--output", tmp_path / "reports", environment=environment)
    manifest = command.manifest(command.the_day(tmp_path / "reports"))
    was = command.manifest(command_run.day)
    assert manifest["coverage"] == was["coverage"], done.stderr
    assert [(account["outcome"], account.get("code")) for account in manifest["accounts"]] == [
        (account["outcome"], account.get("code")) for account in was["accounts"]
    ]


def test_the_permissions_on_a_bucket_are_enough_to_go_on_and_to_analyze(rollcall, aws, hold, bucket, org):
    environment = session(aws, permissions(rollcall, "iam", "sts", "organizations", "s3", "kms"))
    account_ids = ",".join(org.accounts[name] for name in ("Audit", "Network"))
    held = hold("iam", "GetCredentialReport", org.accounts["Network"])
    process = rollcall.start("run", "--account-ids", account_ids, "--output", f"s3://{bucket}", environment=environment)
    assert held.wait(30)
    s3 = aws.client("s3", MANAGEMENT)
    command.wait_until(lambda: "/reports/" in str(s3.list_objects_v2(Bucket=bucket)))
    process.kill()
    rollcall.finish(process)
    aws.proxy.reset()
    done = rollcall("run", "--resume", "--output", f"s3://{bucket}", environment=environment)
    assert (done.returncode, command.errors(done)) == (1, [])
    assert aws.proxy.calls("iam", "GenerateCredentialReport", org.accounts["Audit"]) == []
    again = rollcall("analyze", f"s3://{bucket}", environment=environment)
    assert (again.returncode, command.errors(again)) == (1, [])


def test_one_account_takes_two_permissions(rollcall, aws, tmp_path):
    environment = session(aws, permissions(rollcall, "iam"))
    done = rollcall("run", "--this-account", "--output", tmp_path / "reports", environment=environment)
    assert (done.returncode, command.errors(done)) == (1, [])


def test_an_account_that_fails_does_not_stop_the_others_and_is_printed_with_code_and_remedy(command_run, org):
    done = command_run.done
    assert done.returncode == 2
    (error,) = command.errors(done)
    assert error.startswith(f"{len(FAILING)} of {to_collect(org)} accounts have no report: ")
    assert error.endswith(f"{command_run.day / 'run.json'} says why of each")
    not_looked_at = done.stdout.split("Not looked at")[1]
    for name, code in FAILING.items():
        told = not_looked_at.split(f"  {code}\n")[1]
        assert f"{org.accounts[name]}  {name}" in told
        assert f"failed {org.accounts[name]} {name}: {code}: " in done.stderr
    assert "trusts you with --member-role-name" in not_looked_at, "nothing is deployed here"
    coverage = command.manifest(command_run.day)["coverage"]
    assert (coverage["collected"], coverage["failed"], coverage["skipped"]) == (to_collect(org) - len(FAILING), 2, 1)


@pytest.fixture
def stopped(rollcall, hold, aws, org, tmp_path):
    """Runs until all accounts but three are complete, and stops with a signal; answers what the command
    printed, and its day."""

    def stopped(which):
        for name in HELD:
            hold("iam", "GetCredentialReport", org.accounts[name])
        process = rollcall.start("run", "--as-of", AS_OF, "--output", tmp_path / "reports")
        expected = to_collect(org) - len(FAILING) - len(HELD)
        command.wait_until(lambda: command.complete(tmp_path / "reports") == expected)
        process.send_signal(which)
        done = rollcall.finish(process)
        aws.proxy.reset()
        return done, command.the_day(tmp_path / "reports")

    return stopped


def test_a_run_that_was_killed_is_resumed_and_asks_no_complete_account_again(
    stopped, rollcall, aws, org, command_run
):
    done, day = stopped(signal.SIGKILL)
    assert done.returncode == -signal.SIGKILL
    roll = json.loads((day / "accounts.json").read_text())
    before = command.reports(day)
    assert not (day / "run.json").exists()
    done = rollcall("run", "--resume", "--output", day.parent)
    assert f"{len(before)} of them are complete already" in done.stderr
    actions = ("AssumeRole", "GenerateCredentialReport")
    asked = {request.account for request in aws.proxy.requests if request.action in actions}
    assert asked == {org.accounts[name] for name in [*HELD, *FAILING]}
    manifest, after = command.manifest(day), command.reports(day)
    for part in ("execution", "started", "as_of"):
        assert manifest[part] == roll[part], part
    assert (manifest["date"], manifest["as_of"]) == (day.name, f"{AS_OF}T00:00:00Z")
    assert {account_id: after[account_id] for account_id in before} == before
    assert manifest["coverage"] == command.manifest(command_run.day)["coverage"]
    for account in manifest["accounts"]:
        if account["outcome"] == "collected":
            assert account["report"]["sha256"] == hashlib.sha256(after[account["account_id"]]).hexdigest()
    assert {account["account_id"] for account in manifest["accounts"] if "report" in account} == set(after)
    assert command.not_whole(day) == []


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_what_is_complete_and_leaves_nothing_half(stopped, org, which):
    done, day = stopped(which)
    assert (done.returncode, done.stdout) == (128 + which, "")
    (error,) = command.errors(done)
    complete = len(command.reports(day))
    assert complete == to_collect(org) - len(FAILING) - len(HELD)
    assert error.startswith(f"stopped: {complete} of {to_collect(org)} accounts are complete in {day}")
    assert "--resume goes on" in error
    assert command.not_whole(day) == []
    assert not (day / "run.json").exists()


def test_what_is_complete_of_a_run_that_was_stopped_is_analyzed_and_what_is_not_is_named(stopped, rollcall, org):
    _, day = stopped(signal.SIGINT)
    done = rollcall("analyze", day)
    assert done.returncode == 2
    assert "the run did not finish, for there is no run.json" in done.stderr
    assert command.errors(done) == [
        f"{day}: {len(HELD) + len(FAILING)} of {to_collect(org)} accounts have no report that can be read"
    ]
    for name in [*HELD, *FAILING]:
        assert f"{org.accounts[name]}  {name}" in done.stdout.split("Not looked at")[1]


def test_a_run_can_be_stopped_while_it_is_analyzed(rollcall, hold, bucket):
    held = hold("s3", "PutObject", of=lambda request: "findings.csv" in request.path)
    process = rollcall.start("run", "--this-account", "--output", f"s3://{bucket}")
    try:
        assert held.wait(30)
        process.send_signal(signal.SIGINT)
        assert process.wait(3) == 130
    finally:
        process.kill()
        rollcall.finish(process)


def test_the_same_command_with_resume_goes_on_as_the_error_says(rollcall, hold, org, aws, tmp_path):
    arguments = ["run", "--account-ids", org.accounts["Audit"], "--output", tmp_path / "reports"]
    held = hold("iam", "GetCredentialReport", org.accounts["Audit"])
    process = rollcall.start(*arguments)
    assert held.wait(30)
    process.send_signal(signal.SIGINT)
    assert "the same command with --resume goes on" in rollcall.finish(process).stderr
    aws.proxy.reset()
    assert rollcall(*arguments, "--resume").returncode == 1


def test_the_second_run_of_a_day_in_a_bucket_is_resumed_too(rollcall, hold, org, aws, bucket):
    arguments = ["run", "--account-ids", org.accounts["Audit"], "--output", f"s3://{bucket}"]
    assert rollcall(*arguments).returncode == 1
    held = hold("iam", "GetCredentialReport", org.accounts["Audit"])
    process = rollcall.start(*arguments)
    assert held.wait(30)
    process.send_signal(signal.SIGINT)
    assert rollcall.finish(process).returncode == 130
    aws.proxy.reset()
    assert rollcall(*arguments, "--resume").returncode == 1


def test_a_run_that_the_command_did_not_start_is_not_resumed(rollcall, day, tmp_path):
    (day / "run.json").unlink()
    hidden = day.parent / ".rollcall" / day.name / "accounts.json.json"
    roll = json.loads((day / "accounts.json").read_text())
    night = "2f1c-a-night-of-the-state-machine"
    (day / "accounts.json").write_text(json.dumps(roll | {"execution": night}))
    hidden.write_text(json.dumps(json.loads(hidden.read_text()) | {"execution": night}))
    error = command.refusal(rollcall("run", "--resume", "--output", day.parent))
    assert f"accounts.json is of {night}, which no command started" in error
    assert not (day / "run.json").exists()


def test_credentials_that_expire_in_the_middle_stop_the_run_and_fail_no_account(rollcall, org, aws, tmp_path):
    accounts = ",".join(org.accounts[name] for name in ("Audit", "Network"))
    expired = proxy.query_error(403, "ExpiredToken", "the security token has expired")
    aws.proxy.script("sts", "AssumeRole", None, expired, forever=True)
    aws.proxy.script("sts", "GetCallerIdentity", None, expired, forever=True)
    arguments = ["run", "--account-ids", accounts, "--concurrency", 1, "--output", tmp_path / "reports"]
    done = rollcall(*arguments)
    (error,) = command.errors(done)
    assert done.returncode == 2
    assert error.startswith("the AWS credentials have expired: log in with")
    assert "1 of 2 accounts are complete" in error
    assert not (command.the_day(tmp_path / "reports") / "failures").exists()
    aws.proxy.reset()
    assert rollcall(*arguments, "--resume").returncode == 1
    assert len(aws.proxy.calls("iam", "GetCredentialReport")) == 1


def test_a_named_profile_takes_precedence_over_the_environment(rollcall, org, aws, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.write_text(f"[audit]\naws_access_key_id = {org.accounts['Audit']}\naws_secret_access_key = local\n")
    profile = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials)}
    arguments = ["run", "--this-account", "--summary", "--output", tmp_path / "reports"]
    done = rollcall(*arguments, "--profile", "audit", environment=profile)
    assert f"arn:aws:iam::{org.accounts['Audit']}:root" in done.stderr
    assert not aws.proxy.calls("iam", "GetCredentialReport", MANAGEMENT)
    error = command.refusal(rollcall(*arguments, "--profile", "nobody", environment=profile))
    assert error.startswith('the profile "nobody" has no AWS credentials, if there is such a profile: ')


def test_a_profile_may_name_a_role_and_the_region_that_it_is_assumed_in(rollcall, aws, tmp_path):
    account_id = "565656565656"
    iam = aws.client("iam", account_id)
    user = iam.create_user(UserName="person")["User"]["Arn"]
    key = iam.create_access_key(UserName="person")["AccessKey"]
    trust = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
    calls = ["iam:GenerateCredentialReport", "iam:GetCredentialReport"]
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    for put, name, action, resource in (
        (iam.put_user_policy, {"UserName": "person"}, "sts:AssumeRole", role["Role"]["Arn"]),
        (iam.put_role_policy, {"RoleName": "reader"}, calls, "*"),
    ):
        allow = {"Effect": "Allow", "Action": action, "Resource": resource}
        put(**name, PolicyName="own", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    config = tmp_path / "config"
    config.write_text(
        f"[profile person]\naws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
        f"[profile reader]\nrole_arn = {role['Role']['Arn']}\nsource_profile = person\nregion = eu-central-1\n"
    )
    # The Region is the profile's: nothing else names one.
    alone = {"AWS_CONFIG_FILE": str(config), "AWS_REGION": None, "AWS_DEFAULT_REGION": None}
    done = rollcall("run", "--this-account", "--summary", "--profile", "reader", "--output", tmp_path / "reports", environment=alone)
    assert f"arn:aws:sts::{account_id}:assumed-role/reader/" in done.stderr
    (account,) = command.manifest(command.the_day(tmp_path / "reports"))["accounts"]
    assert (account["account_id"], account["outcome"]) == (account_id, "collected")


def test_there_is_nothing_to_resume_where_no_run_was_stopped(rollcall, day, tmp_path):
    for folder in (tmp_path / "empty", day.parent):
        error = command.refusal(rollcall("run", "--resume", "--output", folder))
        assert error == f"there is no unfinished run in {folder}: leave --resume out to start one"


def test_a_run_of_more_than_a_day_ago_is_not_resumed(rollcall, day):
    (day / "run.json").unlink()
    roll = json.loads((day / "accounts.json").read_text())
    started = datetime.now(UTC) - timedelta(hours=25)
    roll["started"] = f"{started:%Y-%m-%dT%H:%M:%SZ}"
    (day / "accounts.json").write_text(json.dumps(roll))
    earlier = day.parent / f"{started:%Y-%m-%d}"
    (day.parent / ".rollcall" / day.name).rename(day.parent / ".rollcall" / earlier.name)
    day.rename(earlier)
    error = command.refusal(rollcall("run", "--resume", "--output", day.parent))
    assert f"started at {roll['started']}, more than 24 hours ago: leave --resume out" in error


def test_a_second_run_of_the_day_keeps_the_evidence_of_the_first_aside(rollcall, day, aws, org):
    first = {path.relative_to(day): path.read_bytes() for path in day.rglob("*") if path.is_file()}
    denied = proxy.query_error(403, "AccessDenied", "not authorized")
    aws.proxy.script("sts", "AssumeRole", denied, account=org.accounts["Audit"], forever=True)
    done = rollcall("run", "--output", day.parent)
    today = command.the_day(day.parent)
    aside = day.parent / ".rollcall" / "replaced" / f"{day.name}-1" / day.name
    assert f"what an earlier run of {day.name} left is kept in {aside}" in command.notes(done)
    assert {path.relative_to(aside): path.read_bytes() for path in aside.rglob("*") if path.is_file()} == first
    assert command.not_whole(aside) == [], "its metadata is kept with it"
    manifest = command.manifest(today)
    audit = next(account for account in manifest["accounts"] if account["name"] == "Audit")
    assert (audit["outcome"], audit["code"]) == ("failed", "RoleMissingOrDenied")
    assert "report" not in audit, "the report of the first run must not pass for that of the second"
    again = rollcall("analyze", day.parent, "--format", "jsonl")
    assert again.returncode == 2
    assert again.stdout == (today / "findings.jsonl").read_text()


def test_a_run_that_can_not_take_the_roll_leaves_the_day_where_it_is(rollcall, day, aws):
    denied = proxy.json_error(400, "AccessDeniedException", "no")
    aws.proxy.script("organizations", "DescribeOrganization", denied, forever=True)
    assert rollcall("run", "--output", day.parent).returncode == 2
    assert (day / "run.json").exists()


def test_missing_credentials_are_reported_in_one_sentence(rollcall, tmp_path):
    environment = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    error = command.refusal(rollcall("run", "--output", tmp_path / "reports", environment=environment))
    assert error.startswith("there are no AWS credentials: ")
    assert "aws sso login" in error
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "the AWS credentials have expired"),
        ("InvalidClientTokenId", "AWS does not take the credentials"),
    ],
)
def test_credentials_that_are_not_valid_are_reported_in_one_sentence(rollcall, aws, tmp_path, code, words):
    refusal = proxy.query_error(403, code, "the token is no good")
    aws.proxy.script("sts", "GetCallerIdentity", refusal, forever=True)
    environment = {"AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": f"{SECRET}-token"}
    error = command.refusal(rollcall("run", "--output", tmp_path / "reports", environment=environment))
    assert error.startswith(words)
    assert code in error and "aws sso login" in error
    assert SECRET not in error


def test_a_missing_permission_for_organizations_is_reported_in_one_sentence(rollcall, aws, tmp_path):
    environment = session(aws, permissions(rollcall, "iam", "sts"))
    error = command.refusal(rollcall("run", "--output", tmp_path / "reports", environment=environment))
    assert error.startswith("organizations:DescribeOrganization answered AccessDenied")
    assert "--this-account" in error and "--account-ids" in error
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"):
        assert environment[name] not in error, name


def test_an_account_in_no_organization_gets_an_error_with_the_ways_out(rollcall, aws, tmp_path):
    unused = proxy.json_error(400, "AWSOrganizationsNotInUseException", "not a member of an organization")
    aws.proxy.script("organizations", "DescribeOrganization", unused, forever=True)
    error = command.refusal(rollcall("run", "--output", tmp_path / "reports"))
    assert error.startswith("this account is in no organization: give --this-account")


@pytest.mark.parametrize("flag", ["--this-account", "--resume"])
def test_a_bucket_that_does_not_exist_is_reported_in_one_sentence(rollcall, flag):
    error = command.refusal(rollcall("run", flag, "--output", "s3://there-is-none"))
    assert "s3://there-is-none" in error and "NoSuchBucket" in error


@pytest.mark.parametrize("below", ["", "below"])
def test_a_folder_that_can_not_be_written_is_reported_in_one_sentence(rollcall, tmp_path, below):
    file = tmp_path / "file"
    file.write_text("no folder")
    error = command.refusal(rollcall("run", "--this-account", "--output", file / below))
    assert str(file / below) in error and "Not a directory" in error
    assert file.read_text() == "no folder"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "s3://"], "names no bucket: write s3://BUCKET"),
        (["--output", "s3://bucket/prefix"], "write s3://bucket"),
        (["--output", "reports", "--kms-key-arn", "arn:aws:kms:x"], "--kms-key-arn encrypts what is written to"),
        (["--exemptions", "nowhere.toml"], "reading nowhere.toml failed"),
        (["--organization-id", "o-aaaaaaaaaa", "--output", "reports"], '--organization-id is "o-aaaaaaaaaa"'),
        (["--organizational-unit-ids", "ou-zzzz-99999999", "--output", "reports"], "correct --organizational-unit-ids"),
    ],
    ids=["no bucket", "a prefix", "a key for a folder", "no exemptions", "another organization", "unknown unit"],
)
def test_a_wrong_argument_is_reported_with_flag_value_and_fix(rollcall, arguments, words):
    assert words in command.refusal(rollcall("run", *arguments))


@pytest.fixture(scope="module")
def slow_run(running_aws, access_roles, rollcall_binary, tmp_path_factory, org):
    """A run of three accounts: of two the report takes its time, of the third it never comes."""
    folder = tmp_path_factory.mktemp("slow-run")
    running_aws.proxy.reset()

    def script(name, *answers, **options):
        account = org.accounts[name]
        running_aws.proxy.script("iam", "GenerateCredentialReport", *answers, account=account, **options)

    script("Audit", proxy.generate("STARTED"), proxy.generate("STARTED"))
    no_capacity = proxy.query_error(409, "LimitExceeded", "No more capacity to launch new report generation tasks")
    script("Network", no_capacity)
    script("Team 01", proxy.generate("STARTED"), forever=True)
    account_ids = ",".join(org.accounts[name] for name in HELD)
    done = command.Rollcall(rollcall_binary, running_aws, folder)(
        "run", "--account-ids", account_ids, "--output", "reports", "--wait-seconds", "1", "--max-waits", "1"
    )
    calls = running_aws.proxy.calls("iam", "GenerateCredentialReport")
    calls = {name: sum(call.account == org.accounts[name] for call in calls) for name in HELD}
    running_aws.proxy.reset()
    accounts = command.manifest(command.the_day(folder / "reports"))["accounts"]
    return done, {account["account_id"]: account for account in accounts}, calls


def test_a_report_that_takes_its_time_is_waited_for(slow_run, org):
    _, accounts, calls = slow_run
    assert accounts[org.accounts["Audit"]]["outcome"] == "collected"
    assert calls["Audit"] == 3


def test_an_account_without_capacity_is_asked_again_after_a_wait(slow_run, org):
    _, accounts, calls = slow_run
    assert accounts[org.accounts["Network"]]["outcome"] == "collected"
    assert calls["Network"] == 2


def test_a_report_that_never_comes_times_out_after_the_waits_there_may_be(slow_run, org):
    done, accounts, calls = slow_run
    account = accounts[org.accounts["Team 01"]]
    assert (account["outcome"], account["code"]) == ("failed", "ReportTimedOut")
    assert calls["Team 01"] > 2
    assert done.returncode == 2
    assert command.errors(done)[0].startswith("1 of 3 accounts has no report: ")


def test_the_failure_says_how_long_the_waits_really_were(slow_run, org):
    _, accounts, _ = slow_run
    assert "of a minute" not in accounts[org.accounts["Team 01"]]["message"]


def test_quiet_prints_errors_only(rollcall, tmp_path):
    done = rollcall("run", "--quiet", "--output", tmp_path / "reports")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(command.errors(done)) == len(done.stderr.splitlines()) == 1
    done = rollcall("run", "--quiet", "--this-account", "--output", tmp_path / "others")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_quiet_prints_errors_only_the_second_time_too(rollcall, day):
    done = rollcall("run", "--quiet", "--this-account", "--output", day.parent)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_a_pipe_gets_plain_lines(command_run, org):
    done = command_run.done
    assert not set(done.stdout + done.stderr) & {ESCAPE, "\r"}
    assert f"{to_collect(org)} of {to_collect(org)} accounts done, {len(FAILING)} failed, 0 waiting" in done.stderr


@pytest.mark.parametrize(
    ("when", "environment", "is_coloured"),
    [
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"CLICOLOR_FORCE": "1"}, False),
        ("auto", {"NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_what_the_flag_says(rollcall, tmp_path, when, environment, is_coloured):
    arguments = ["run", "--this-account", "--color", when, "--output", tmp_path / "reports"]
    done = rollcall(*arguments, environment=environment)
    assert ((ESCAPE in done.stdout), (ESCAPE in done.stderr)) == (is_coloured, is_coloured)


def test_names_can_do_nothing_to_the_terminal(rollcall, aws, org, tmp_path):
    hostile = "x\x1b]0;owned\x07\x1b[2J\u202ey\rz"
    escaped = "x\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{202e}y\\rz"
    audit, ben = org.accounts["Audit"], org.accounts["Sandbox Ben"]

    def renamed(request, forward):
        answer = forward(request)
        accounts = json.loads(answer.body)
        for account in accounts["Accounts"]:
            if account["Id"] in (audit, ben):
                account["Name"] = f"{account['Name']} {hostile}"
        return proxy.Response(200, json.dumps(accounts).encode(), answer.headers)

    aws.proxy.script("organizations", "ListAccounts", renamed, forever=True)
    key = {"access_key_1_active": "true", "access_key_1_last_rotated": "2024-01-01T00:00:00Z"}
    report = reports.report_of(audit, (hostile.replace("\r", ""), key))
    aws.proxy.script("iam", "GetCredentialReport", proxy.report(report), account=audit, forever=True)
    done = rollcall("run", "--include-account-ids", f"{audit},{ben}", "--output", tmp_path / "reports")
    analyzed = rollcall("analyze", tmp_path / "reports")
    compared = rollcall("diff", tmp_path / "reports", tmp_path / "reports")
    assert (done.returncode, analyzed.returncode, compared.returncode) == (2, 2, 2)
    for printed in (done.stdout, done.stderr, analyzed.stdout, analyzed.stderr, compared.stdout, compared.stderr):
        assert not set(printed) & {ESCAPE, "\x07", "\r", "\u202e"}
    assert f"Audit {escaped}" in done.stdout and f"Audit {escaped}" in analyzed.stdout
    assert f"failed {ben} Sandbox Ben {escaped}: RoleMissingOrDenied" in done.stderr
    assert escaped.replace("\\r", "") in done.stdout.split("access-key-stale")[1]
