"""`rollcall diff`: what changed between two days, in findings and in credentials."""

import json
import shutil
from collections import namedtuple
from datetime import UTC, datetime, timedelta

import pytest
from local_aws import command, reports
from local_aws.organization import MANAGEMENT

CHANGED = "Team 07"
FAILING = ["Sandbox Ben", "Legacy"]
Days = namedtuple("Days", "before after")


@pytest.fixture(scope="module")
def days(running_aws, access_roles, rollcall_binary, tmp_path_factory, org):
    """The days of two runs that collected every account. In between one account got a user with a key,
    and others of it lost their key and their MFA device; afterwards all is as it was."""
    folder = tmp_path_factory.mktemp("two-days")
    rollcall = command.Rollcall(rollcall_binary, running_aws, folder)
    excluded = ",".join(org.accounts[name] for name in FAILING)

    def run(name):
        running_aws.proxy.reset()
        old = reports.rewritten(lambda content: reports.older(content, 120))
        running_aws.proxy.script("iam", "GetCredentialReport", old, forever=True)
        done = rollcall("run", "--exclude-account-ids", excluded, "--output", folder / name)
        running_aws.proxy.reset()
        assert (done.returncode, command.errors(done)) == (1, [])
        return command.the_day(folder / name)

    before = run("before")
    iam = running_aws.client("iam", org.accounts[CHANGED])
    iam.create_user(UserName="newcomer")
    new_key = iam.create_access_key(UserName="newcomer")["AccessKey"]["AccessKeyId"]
    (old_key,) = iam.list_access_keys(UserName="deploy")["AccessKeyMetadata"]
    key = {"UserName": "deploy", "AccessKeyId": old_key["AccessKeyId"]}
    iam.update_access_key(**key, Status="Inactive")
    device = {"UserName": "anna.schmidt", "SerialNumber": f"arn:aws:iam::{org.accounts[CHANGED]}:mfa/anna"}
    iam.deactivate_mfa_device(**device)
    try:
        after = run("after")
    finally:
        iam.delete_access_key(UserName="newcomer", AccessKeyId=new_key)
        iam.delete_user(UserName="newcomer")
        iam.update_access_key(**key, Status="Active")
        iam.enable_mfa_device(**device, AuthenticationCode1="123456", AuthenticationCode2="654321")
    return Days(before, after)


@pytest.fixture
def diff(rollcall):
    """The changes, as JSON, and the status."""

    def diff(*arguments, **options):
        done = rollcall("diff", *arguments, "--format", "json", **options)
        return done.returncode, json.loads(done.stdout)

    return diff


def identities(findings):
    return sorted((finding["user"], finding["rule"]) for finding in findings)


def accounts(findings):
    return {finding["account_id"] for finding in findings}


NEW = [("anna.schmidt", "console-without-mfa"), ("newcomer", "access-key-stale"), ("newcomer", "access-key-unused")]
RESOLVED = [("deploy", "access-key-stale"), ("deploy", "access-key-unused")]
CREDENTIALS = [
    ("anna.schmidt", "mfa", "mfa-lost", "riskier"),
    ("deploy", "access_key_1", "deactivated", "safer"),
    ("newcomer", None, "user-created", "riskier"),
]


def test_new_and_resolved_findings_and_changed_credentials_are_listed(diff, days, org):
    status, changes = diff(days.before, days.after)
    assert status == 1
    findings = changes["findings"]
    assert (identities(findings["new"]), identities(findings["resolved"])) == (NEW, RESOLVED)
    assert accounts(findings["new"] + findings["resolved"]) == {org.accounts[CHANGED]}
    assert (findings["changed"], findings["untold"]) == ([], [])
    assert findings["unchanged"] == len(command.findings(days.before)) - len(RESOLVED)
    credentials = changes["credentials"]
    told = [(change["user"], change["credential"], change["kind"], change["effect"]) for change in credentials]
    assert sorted(told, key=str) == sorted(CREDENTIALS, key=str)
    assert accounts(credentials) == {org.accounts[CHANGED]}
    newcomer = next(change for change in credentials if change["user"] == "newcomer")
    assert newcomer["credentials"] == ["access_key_1"]
    assert changes["accounts_without_new_report"] == changes["accounts_without_old_report"] == []


def test_with_the_days_swapped_the_changes_are_reversed(diff, days):
    status, changes = diff(days.after, days.before)
    assert status == 1
    assert (identities(changes["findings"]["new"]), identities(changes["findings"]["resolved"])) == (RESOLVED, NEW)
    kinds = {(change["user"], change["kind"]) for change in changes["credentials"]}
    assert kinds == {("anna.schmidt", "mfa-gained"), ("deploy", "activated"), ("newcomer", "user-deleted")}


def test_the_table_lists_changes_by_account_and_counts_them(rollcall, days, org):
    done = rollcall("diff", days.before, days.after)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{org.accounts[CHANGED]}  {CHANGED}\n")
    words = [line.split()[:2] for line in done.stdout.splitlines()]
    told = [[word, user] for word, user, *_ in filter(len, words) if word in ("riskier", "safer")]
    assert told == [["riskier", "anna.schmidt:"], ["riskier", "newcomer:"], ["safer", "deploy:"]]
    assert "  riskier   anna.schmidt: has no MFA device any more\n" in done.stdout
    assert "  resolved  high access-key-stale: deploy: access key 1 is 120 days old" in done.stdout
    unchanged = len(command.findings(days.before)) - len(RESOLVED)
    assert f"Findings: {len(NEW)} new, 0 changed, {len(RESOLVED)} resolved; {unchanged} as they were.\n" in done.stdout
    assert "Credentials: 3 changes: 2 riskier, 0 neutral, 1 safer.\n" in done.stdout
    assert str(days.before) in done.stdout and str(days.after) in done.stdout


def test_exit_zero_is_for_scripts_that_only_want_the_output(rollcall, days):
    assert rollcall("diff", days.before, days.after, "--exit-zero").returncode == 0


def test_a_day_against_itself_has_no_change(diff, rollcall, days):
    status, changes = diff(days.before, days.before)
    assert (status, changes["credentials"]) == (0, [])
    assert changes["findings"] == {
        "new": [], "resolved": [], "changed": [], "untold": [], "unchanged": len(command.findings(days.before))
    }  # fmt: skip
    done = rollcall("diff", days.before, days.before)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Findings: 0 new, 0 changed, 0 resolved; " in done.stdout


def test_what_the_reports_do_not_say_is_counted_and_is_not_a_change(diff, days):
    _, changes = diff(days.before, days.before)
    # The emulator's report says neither when a password was used nor when it was changed.
    assert changes["not_comparable"]["not-told"] > 0


def without(org, day, name, folder):
    """A copy of a day from which the report of an account is gone."""
    copy = shutil.copytree(day.parent, folder) / day.name
    (copy / "reports" / f"credentialReport_{org.accounts[name]}.csv").unlink()
    return copy


def test_an_account_without_a_later_report_is_named_and_nothing_of_it_is_resolved(diff, rollcall, days, org, tmp_path):
    later = without(org, days.after, CHANGED, tmp_path / "copy")
    status, changes = diff(days.before, later)
    assert status == 2, "the comparison is not complete"
    assert changes["accounts_without_new_report"] == [org.accounts[CHANGED]]
    assert (changes["findings"]["resolved"], changes["findings"]["new"], changes["credentials"]) == ([], [], [])
    assert accounts(changes["findings"]["untold"]) == {org.accounts[CHANGED]}
    had = [finding for finding in command.findings(days.before) if finding["account_id"] == org.accounts[CHANGED]]
    assert len(changes["findings"]["untold"]) == len(had)
    table = rollcall("diff", days.before, later).stdout
    not_known = table.split("No later report, so what became of them is not known:")[1]
    assert f"  {org.accounts[CHANGED]}  {CHANGED}\n" in not_known
    assert "resolved  " not in table


def test_an_account_without_an_earlier_report_is_named_and_all_of_it_is_new(diff, rollcall, days, org, tmp_path):
    earlier = without(org, days.before, CHANGED, tmp_path / "copy")
    status, changes = diff(earlier, days.after)
    assert status == 2
    assert changes["accounts_without_old_report"] == [org.accounts[CHANGED]]
    assert (accounts(changes["findings"]["new"]), changes["findings"]["resolved"]) == ({org.accounts[CHANGED]}, [])
    assert "No earlier report, so all their findings are new:" in rollcall("diff", earlier, days.after).stdout


def test_loose_reports_of_other_accounts_are_a_difference(diff, days, org, tmp_path):
    name = f"credentialReport_{org.accounts['Audit']}.csv"
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        shutil.copy(days.before / "reports" / name, tmp_path / folder)
    shutil.copy(days.before / "reports" / f"credentialReport_{org.accounts['Network']}.csv", tmp_path / "one")
    status, changes = diff(tmp_path / "one", tmp_path / "two")
    assert (status, changes["accounts_without_new_report"]) == (1, [org.accounts["Network"]])
    assert changes["findings"]["resolved"] == []
    assert diff(tmp_path / "two", tmp_path / "two")[0] == 0


def test_the_side_that_is_not_complete_is_named(rollcall, days, command_run):
    done = rollcall("diff", command_run.day, days.after)
    assert done.returncode == 2
    (error,) = command.errors(done)
    assert str(command_run.day) in error


@pytest.mark.parametrize("address", ["s3://{bucket}/{date}/", "s3://{bucket}"])
def test_a_bucket_is_compared_with_a_folder(diff, aws, bucket, days, address):
    command.upload(aws.client("s3", MANAGEMENT), days.before, bucket)
    address = address.format(bucket=bucket, date=days.before.name)
    status, changes = diff(address, days.after)
    expected = diff(days.before, days.after)[1]
    assert status == 1
    assert changes["old"].pop("place") == address
    del expected["old"]["place"]
    assert changes == expected


def test_a_night_of_the_state_machine_is_compared_with_a_run_of_the_command(diff, aws, stack, days):
    old = reports.rewritten(lambda content: reports.older(content, 120))
    aws.proxy.script("iam", "GetCredentialReport", old, forever=True)
    execution = stack.start()
    _, changes = diff(f"s3://{stack.bucket}/{stack.date(execution)}/", days.before)
    assert changes["old"]["reports"] == changes["new"]["reports"]
    assert (changes["credentials"], changes["findings"]["resolved"], changes["findings"]["new"]) == ([], [], [])


def test_both_days_are_judged_by_the_same_rules(diff, days):
    _, changes = diff(days.before, days.after, "--access-key-stale", "off", "--access-key-unused", "off")
    assert (identities(changes["findings"]["new"]), changes["findings"]["resolved"]) == ([NEW[0]], [])
    assert len(changes["credentials"]) == len(CREDENTIALS), "no rule is needed to tell a change"


def test_an_exemption_that_both_days_have_is_not_a_change(diff, days, tmp_path):
    expires = (datetime.now(UTC) + timedelta(days=30)).date()
    (tmp_path / "exemptions.toml").write_text(
        f'[[exemption]]\nuser = "ben"\nrule = "console-without-mfa"\nreason = "leaves in spring"\nexpires = {expires}\n'
    )
    _, changes = diff(days.before, days.after, "--exemptions", tmp_path / "exemptions.toml")
    assert changes["findings"]["changed"] == []


def test_an_age_of_one_more_day_is_not_a_change_and_a_limit_that_is_passed_is(diff, tmp_path):
    account_id = "111122223333"
    key = {"access_key_1_active": "true", "access_key_1_last_rotated": "2026-01-01T00:00:00Z"}
    (tmp_path / "report.csv").write_bytes(reports.report_of(account_id, ("anna", key)))

    def between(old, new):
        status, changes = diff("report.csv", "report.csv", "--old-as-of", old, "--as-of", new)
        assert changes["credentials"] == []
        return status, identities(changes["findings"]["new"])

    assert between("2026-03-01", "2026-03-02") == (0, [])
    assert between("2026-04-01", "2026-04-02") == (1, [("anna", "access-key-stale")]), "91 days are more than 90"
    assert between("2026-05-01", "2026-05-02") == (0, [])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("nowhere", "{after}", "there is no file or folder nowhere: check the path"),
        ("{before}", "nowhere", "there is no file or folder nowhere: check the path"),
        ("{before}", "s3://there-is-none", "NoSuchBucket"),
    ],
)
def test_a_side_that_does_not_exist_is_reported_in_one_sentence(rollcall, days, old, new, words):
    sides = [side.format(before=days.before, after=days.after) for side in (old, new)]
    assert words in command.refusal(rollcall("diff", *sides))
