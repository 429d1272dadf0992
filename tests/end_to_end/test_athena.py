"""Athena's tables and saved queries on what nights wrote: the template is deployed, and DuckDB reads the
bucket as the deployed tables define it. Athena itself exists only on AWS."""

import csv
import json
import uuid
from datetime import date, datetime
from types import SimpleNamespace

import boto3
import botocore.exceptions
import pytest
from local_aws import command, deployment, reports
from local_aws.athena import Athena, columns_of
from local_aws.organization import MANAGEMENT
from local_aws.server import REGION

FIRST, LAST, TODAY = "2032-06-01", "2032-06-03", date(2032, 6, 4)
COMMA = "=cmd,with.comma@example"


def with_cells(content, user, **cells):
    """A report in which these cells of a user are others."""
    header, *lines = content.decode().splitlines()
    columns = header.split(",")
    for at, line in enumerate(lines):
        # From the end: a name may have commas, and no cell after the ARN has.
        row = line.rsplit(",", len(columns) - 2)
        if row[0].startswith(f"{user},arn:"):
            for column, cell in cells.items():
                row[columns.index(column) - 1] = cell
            lines[at] = ",".join(row)
    return "\n".join([header, *lines]).encode()


@pytest.fixture(scope="module")
def nights(running_aws, deployed, org):
    """A night; two days later one that failed in one account after an earlier run of the day had its
    report; and the day after that a run of one chosen account."""
    ids, served = org.accounts, {"root of data platform": "N/A"}
    key_in_use = {"access_key_1_last_used_service": "s3", "access_key_1_last_used_region": "eu-central-1"}

    def change(content):
        # Twenty months and more before the nights, whatever the clock of this machine says.
        days = (datetime.now() - datetime(2030, 10, 1)).days
        content = reports.older(content, days)
        root = "<root_account>"
        if f"::{ids['Audit']}:".encode() in content:
            content = with_cells(content, "deploy", access_key_1_last_used_date="2032-05-20T10:00:00Z", **key_in_use)
        if f"::{ids['Shop Production']}:".encode() in content:
            content = with_cells(
                content,
                "deploy",
                access_key_1_last_rotated="2032-04-01T00:00:00Z",
                access_key_1_last_used_date="2032-05-20T10:00:00Z",
            )
        if f"::{ids['Network']}:".encode() in content:
            content = with_cells(content, root, password_last_used="2032-05-31T22:04:51+00:00")
        if f"::{ids['Log Archive']}:".encode() in content:
            cells = {"access_key_1_last_used_date": "2032-03-01T00:00:00Z", "password_last_used": "no_information"}
            content = with_cells(content, root, **cells)
        if f"::{ids['Data Platform']}:".encode() in content:
            content = with_cells(content, root, password_last_used=served["root of data platform"])
            content = with_cells(content, "deploy", access_key_1_last_used_date="2032-05-25T00:00:00Z", **key_in_use)
        if f"::{ids['Payments Production']}:".encode() in content:
            content = with_cells(content, "deploy", access_key_1_last_used_date="2032-02-01T00:00:00Z", **key_in_use)
        if f"::{ids['Shared Services']}:".encode() in content:
            row = next(line for line in content.splitlines() if line.startswith(b"deploy,"))
            content = content.rstrip(b"\n") + b"\n" + row.replace(b"deploy", b"only-here")
        content = with_cells(content, "ben", access_key_2_last_used_date="2032-05-25T00:00:00Z")
        return with_cells(content, COMMA, access_key_1_last_used_date="2032-05-30T00:00:00Z", **key_in_use)

    running_aws.proxy.reset()
    running_aws.proxy.script("iam", "GetCredentialReport", reports.rewritten(change), forever=True)
    name = uuid.uuid4().hex

    def run(started, **input):
        execution = deployed.start(name=f"{name}-started-{started}", **input)
        assert execution["status"] == "SUCCEEDED", execution
        return execution["name"]

    run("20320601T010000Z")
    served["root of data platform"] = "2032-06-02T12:00:00Z"
    run("20320603T010000Z")
    iam = running_aws.client("iam", ids["Data Platform"])
    role = {"RoleName": "rollcall-member", "PolicyName": "credential-report"}
    policy = iam.get_role_policy(**role)["PolicyDocument"]
    iam.delete_role_policy(**role)
    try:
        last = run("20320603T050000Z")
    finally:
        iam.put_role_policy(**role, PolicyDocument=json.dumps(policy))
    run("20320604T010000Z", accounts=[ids["Audit"]])
    running_aws.proxy.reset()
    manifest = json.loads(deployed.read(f"{LAST}/run.json")[0])
    assert manifest["execution"] == last
    return manifest


@pytest.fixture(scope="module")
def key_arn(running_aws, deployed, nights):
    """The key that the reports are encrypted under."""
    s3 = running_aws.client("s3", MANAGEMENT)
    return s3.head_object(Bucket=deployed.bucket, Key=f"{LAST}/run.json")["SSEKMSKeyId"]


@pytest.fixture(scope="module")
def athena(running_aws, deployed, folder, nights, key_arn):
    """The deployed template, its tables over the report bucket, and its saved queries by their names."""
    parameters = {"ReportBucketName": deployed.bucket, "ReportKeyArn": key_arn, "FirstDate": FIRST}
    deploy = ["sam", "deploy", "--template-file", "templates/athena.yml", "--stack-name", "rollcall-athena"]
    capability = ["--capabilities", "CAPABILITY_NAMED_IAM"]
    overrides = ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    environment = running_aws.environment(MANAGEMENT)
    deployment.run([*deploy, *capability, *overrides], folder / "deploy-athena.log", environment)
    (stack,) = running_aws.client("cloudformation", MANAGEMENT).describe_stacks(StackName="rollcall-athena")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    service, glue = running_aws.client("athena", MANAGEMENT), running_aws.client("glue", MANAGEMENT)
    tables = {table["Name"]: table for table in glue.get_tables(DatabaseName=outputs["DatabaseName"])["TableList"]}
    ids = service.list_named_queries(WorkGroup=outputs["WorkGroupName"])["NamedQueryIds"]
    queries = service.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]

    def read(bucket, key):
        assert bucket == deployed.bucket
        return deployed.read(key)[0]

    keys = [f"s3://{deployed.bucket}/{key}" for key in deployed.keys("2032-06-")]
    engine = Athena(tables.values(), keys, read, TODAY)
    saved = {query["Name"]: query["QueryString"] for query in queries}
    return SimpleNamespace(
        outputs=outputs, tables=tables, queries=queries, engine=engine, ask=lambda name: engine.query(saved[name])
    )


def collected(manifest):
    return {account["account_id"] for account in manifest["accounts"] if account["outcome"] == "collected"}


def test_every_field_of_every_line_is_a_column_and_fits_it(athena, deployed, nights):
    # That each line fits was looked at when the tables were read.
    counts = {name: athena.engine.query(f'SELECT count(*) AS n FROM {name} WHERE "date" = \'{LAST}\'')[0]["n"] for name in athena.tables}
    assert counts["accounts"] == nights["coverage"]["accounts"]
    assert counts["findings"] == nights["findings"]["total"] > 0
    lines = [deployed.read(key)[0].count(b"\n") for key in deployed.keys(f"{LAST}/reports/")]
    assert counts["reports"] == sum(lines)


def test_the_accounts_are_those_of_the_manifest(athena, nights):
    rows = athena.engine.query(f"SELECT * FROM accounts WHERE \"date\" = '{LAST}' ORDER BY account_id")
    for row, account in zip(rows, nights["accounts"], strict=True):
        report = account.get("report", {})
        expected = {name: nights[name] for name in ("date", "execution", "source", "as_of")}
        expected |= {name: account.get(name) for name in ("account_id", "name", "path", "state", "outcome", "code", "reason", "message")}
        expected |= {name: report.get(name) for name in ("key", "generated", "collected", "age_seconds", "sha256", "bytes", "rows", "bad_rows")}
        assert {name: value for name, value in row.items() if name != "$path"} == expected
    assert {row["outcome"] for row in rows} == {"collected", "failed", "skipped"}


def test_the_columns_of_the_reports_are_those_of_their_headers(athena, deployed):
    columns = list(columns_of(athena.tables["reports"]))[:-1]
    for key in deployed.keys(f"{LAST}/reports/"):
        (header,) = csv.reader([deployed.read(key)[0].decode().split("\n")[0]])
        assert header == columns[: len(header)] and len(header) in (22, 23)


def test_the_rows_of_the_reports_are_the_users_that_there_are_whatever_their_names(athena, aws, org, nights):
    rows = athena.engine.query(f"SELECT \"user\", arn, access_key_1_last_rotated FROM reports WHERE \"date\" = '{LAST}'")
    there = {(row["user"], row["arn"]) for row in rows}
    for account_id in collected(nights):
        users = aws.client("iam", account_id).list_users()["Users"]
        assert {(user["UserName"], user["Arn"]) for user in users} <= there
        assert ("<root_account>", f"arn:aws:iam::{account_id}:root") in there
    commas = [row for row in rows if row["user"] == COMMA]
    assert commas and all(row["access_key_1_last_rotated"].startswith("2030-") for row in commas), "no cell is in another's place"


def test_stale_keys_by_account(athena, deployed, nights, org):
    rows = {row["account_id"]: row for row in athena.ask("Stale keys by account")}
    findings = [finding for finding in deployed.findings(LAST) if finding["rule"] == "access-key-stale"]
    assert {account_id: row["open_keys"] for account_id, row in rows.items()} == {
        account_id: sum(finding["account_id"] == account_id for finding in findings)
        for account_id in {finding["account_id"] for finding in findings}
    }
    assert collected(nights) - {org.accounts["Shop Production"]} <= set(rows), "every other account has an old key"
    failed = rows[org.accounts["Data Platform"]]
    assert (failed["outcome"], failed["unverified_keys"]) == ("failed", failed["open_keys"])
    audit = rows[org.accounts["Audit"]]
    assert (audit["date"], audit["account_name"], audit["outcome"], audit["unverified_keys"]) == (LAST, "Audit", "collected", 0)
    ages = [finding["age_days"] for finding in findings if finding["account_id"] == org.accounts["Audit"]]
    assert audit["oldest_days"] == max(ages) > 600


def test_keys_older_than_a_year_still_used(athena, deployed, nights, org):
    rows = athena.ask("Keys older than a year still used")
    keys = {(row["account_id"], row["user"], row["access_key"]): row for row in rows}
    commas = {row["account_id"] for row in athena.engine.query(f"SELECT split_part(arn, ':', 5) AS account_id FROM reports WHERE \"user\" = '{COMMA}' AND \"date\" = '{LAST}'")}
    expected = {(account_id, COMMA, 1) for account_id in commas & collected(nights)}
    assert len(expected) > 3
    # Shop Production's key is used and of this year, Payments Production's was not used for 123 days, ben's
    # is inactive, Data Platform's is in a report that the manifest of the night does not list, and others were never used.
    assert set(keys) == expected | {(org.accounts["Audit"], "deploy", 1)}
    audit = keys[org.accounts["Audit"], "deploy", 1]
    assert (audit["days_since_use"], audit["service"], audit["region"]) == (13, "s3", "eu-central-1")
    stale = {
        (finding["account_id"], finding["user"], finding["credential"]): finding["age_days"]
        for finding in deployed.findings(LAST)
        if finding["rule"] == "access-key-stale"
    }
    for (account_id, user, slot), row in keys.items():
        assert row["age_days"] == stale[account_id, user, f"access_key_{slot}"], "whole days, as the rules count them"


def test_root_activity(athena, org):
    rows = athena.ask("Root activity")
    seen = [(f"{row['used']:%Y-%m-%dT%H:%M:%SZ}", row["account_id"], row["credential"], row["first_reported"]) for row in rows]
    # Log Archive's use is of three months ago. Data Platform's is in a report of an earlier run of the
    # last day, that the manifest of the day does not list.
    assert seen == [("2032-05-31T22:04:51Z", org.accounts["Network"], "password", FIRST)]


def test_a_report_that_the_manifest_does_not_list_is_in_the_folder_and_counts_nowhere(athena, deployed, nights, org):
    data_platform = org.accounts["Data Platform"]
    key = f"{LAST}/reports/credentialReport_{data_platform}.csv"
    assert b"2032-06-02T12:00:00Z" in deployed.read(key)[0]
    found = athena.engine.query(f"SELECT \"user\" FROM reports WHERE \"$path\" = 's3://{deployed.bucket}/{key}'")
    assert "deploy" in {row["user"] for row in found}
    for name in ("Keys older than a year still used", "Root activity", "Rows that the table reports lacks"):
        assert data_platform not in {row["account_id"] for row in athena.ask(name)}, name
    (deploy,) = [row for row in athena.ask("Users in several accounts") if row["user"] == "deploy"]
    assert data_platform not in deploy["account_ids"]


def test_coverage_over_time(athena, nights):
    rows = athena.ask("Coverage over time")
    assert [row["date"] for row in rows] == ["2032-06-04", LAST, "2032-06-02", FIRST]
    chosen, last, none, first = rows
    assert (chosen["source"], chosen["accounts"], chosen["coverage_percent"]) == ("execution-input", 1, 100)
    assert (none["source"], none["accounts"], none["coverage_percent"]) == (None, None, None)
    coverage = dict(nights["coverage"])
    assert last["coverage_percent"] == coverage.pop("percent")
    assert {name: last[name] for name in coverage} == coverage
    assert last["source"] == first["source"] == "organization"
    assert (first["failed"], last["failed"]) == (2, 3)
    assert last["coverage_percent"] < first["coverage_percent"] < 100, "an account that fails lowers it"


def test_users_in_several_accounts(athena, nights, org):
    rows = {row["user"]: row for row in athena.ask("Users in several accounts")}
    deploy = rows["deploy"]
    assert deploy["account_ids"].split(" ") == sorted(collected(nights))
    assert deploy["in_accounts"] == deploy["active_keys"] == len(collected(nights))
    assert (deploy["passwords"], deploy["date"]) == (0, LAST)
    ben, anna = rows["ben"], rows["anna.schmidt"]
    assert ben["passwords"] == ben["passwords_without_mfa"] == ben["in_accounts"] == ben["active_keys"]
    assert anna["passwords"] == anna["in_accounts"] > anna["passwords_without_mfa"] == 0
    assert set(rows) == {"deploy", "ben", "anna.schmidt", COMMA}, "neither root nor who is in one account alone"


def test_the_table_has_every_row_of_every_report_and_the_saved_query_names_a_report_that_lacks_one(athena):
    assert athena.ask("Rows that the table reports lacks") == []
    engine = athena.engine
    path = engine.query(f"SELECT min(\"$path\") AS path FROM reports WHERE \"date\" = '{LAST}'")[0]["path"]
    engine.connection.execute("BEGIN")
    try:
        engine.connection.execute('UPDATE reports SET "user" = NULL WHERE "$path" = ?', [path])
        (row,) = athena.ask("Rows that the table reports lacks")
    finally:
        engine.connection.execute("ROLLBACK")
    assert row["account_id"] in path and row["rows_of_the_report"] > row["rows_of_the_table"] == 0


def test_every_saved_query_has_a_description_and_reads_only_chosen_dates(athena):
    assert len(athena.queries) == 6
    for query in athena.queries:
        assert query["QueryString"].startswith("-- ") and query["Description"].endswith("."), query["Name"]
        assert query["Database"] == athena.outputs["DatabaseName"]
        code = "\n".join(line for line in query["QueryString"].splitlines() if not line.strip().startswith("--"))
        # Each table that is read, where it is read, is cut down to dates that are constants.
        read = sum(code.count(f"{word} {name}\n") + code.count(f"{word} {name} ON") for word in ("FROM", "JOIN") for name in athena.tables)
        assert code.count(" DAY AS varchar)") == read > 0, query["Name"]


def test_queries_are_limited_and_their_results_encrypted(athena, aws, key_arn):
    workgroup = aws.client("athena", MANAGEMENT).get_work_group(WorkGroup=athena.outputs["WorkGroupName"])["WorkGroup"]
    configuration = workgroup["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert int(configuration["BytesScannedCutoffPerQuery"]) == 10_000_000_000
    bucket = athena.outputs["ResultBucketName"]
    results = configuration["ResultConfiguration"]
    assert (results["OutputLocation"], results["ExpectedBucketOwner"]) == (f"s3://{bucket}/", MANAGEMENT)
    assert results["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": key_arn}
    s3 = aws.client("s3", MANAGEMENT)
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())


def test_the_policy_allows_queries_and_nothing_else(athena, aws, deployed, nights):
    iam, name = aws.client("iam", MANAGEMENT), f"analyst-{uuid.uuid4().hex}"
    # A role: a user would be in the reports of other tests.
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    iam.attach_role_policy(RoleName=name, PolicyArn=athena.outputs["AthenaPolicyArn"])
    keys = aws.client("sts", MANAGEMENT).assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="analyst")["Credentials"]

    def client(service):
        return boto3.client(
            service,
            endpoint_url=aws.endpoint,
            region_name=REGION,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    def refused(call, **arguments):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            call(**arguments)
        assert error.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), error.value

    asking, s3, results = client("athena"), client("s3"), athena.outputs["ResultBucketName"]
    asking.start_query_execution(QueryString="SELECT 1", WorkGroup=athena.outputs["WorkGroupName"])
    asking.list_named_queries(WorkGroup=athena.outputs["WorkGroupName"])
    refused(asking.start_query_execution, QueryString="SELECT 1", WorkGroup="primary")
    client("glue").get_tables(DatabaseName=athena.outputs["DatabaseName"])
    refused(client("glue").get_tables, DatabaseName="other")
    refused(client("glue").delete_table, DatabaseName=athena.outputs["DatabaseName"], Name="reports")
    for key in (f"{LAST}/findings.jsonl", f"{LAST}/tables/accounts/accounts.jsonl", f"{LAST}/tables/findings/symlink.txt"):
        s3.get_object(Bucket=deployed.bucket, Key=key)
    s3.get_object(Bucket=deployed.bucket, Key=next(account["report"]["key"] for account in nights["accounts"] if "report" in account))
    for key in (f"{LAST}/accounts.json", f"{LAST}/run.json", f"{LAST}/summary.html"):
        refused(s3.get_object, Bucket=deployed.bucket, Key=key)
    refused(s3.put_object, Bucket=deployed.bucket, Key=f"{LAST}/findings.jsonl", Body=b"")
    s3.put_object(Bucket=results, Key="result.csv", Body=b"")
    s3.get_object(Bucket=results, Key="result.csv")


def test_a_folder_has_the_accounts_and_no_address(command_run):
    lines = (command_run.day / "tables" / "accounts" / "accounts.jsonl").read_text().splitlines()
    manifest = command.manifest(command_run.day)
    assert [json.loads(line)["account_id"] for line in lines] == [account["account_id"] for account in manifest["accounts"]]
    assert not (command_run.day / "tables" / "findings").exists()
