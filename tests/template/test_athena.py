"""The template of Athena's tables and queries: what it allows, and how its table reads the reports."""

import re

import pytest
from templates import ROOT, load, strings

FIXTURES = ROOT / "tests" / "fixtures" / "reports"
SNAPSHOTS = ROOT / "core" / "src" / "report" / "snapshots"


@pytest.fixture(scope="module")
def resources():
    return load("templates/athena.yml")["Resources"]


@pytest.fixture(scope="module")
def reports(resources):
    return resources["ReportsTable"]["Properties"]["TableInput"]


def rows(reports, name):
    """The rows of a report as the table reads it; None for one that it can't."""
    separator, parts = reports["StorageDescriptor"]["SerdeInfo"]["Parameters"]["input.regex"]["Fn::Join"]
    pattern = re.compile(separator.join(parts))
    columns = [column["Name"] for column in reports["StorageDescriptor"]["Columns"]]
    assert pattern.groups == len(columns)
    lines = (FIXTURES / f"{name}.csv").read_bytes().decode().splitlines()
    matches = (pattern.fullmatch(line) for line in lines[int(reports["Parameters"]["skip.header.line.count"]) :])
    return [dict(zip(columns, match.groups(), strict=True)) if match else None for match in matches]


def users_of_the_reader(name):
    """The names and ARNs that Rollcall's own reader finds in a report, as its snapshot has them."""
    (snapshot,) = SNAPSHOTS.glob(f"*__{name}.snap")
    found = re.findall(r'^(?:Iam \{ name: "(.*)" \}|Root) (arn:.*)$', snapshot.read_text(), re.MULTILINE)
    return [(user or "<root_account>", arn) for user, arn in found]


@pytest.mark.parametrize(
    "name",
    [
        "additional-credentials", "china-without-root", "crlf-quotes-bom-and-root-last", "govcloud",
        "live-modern-dialect", "modern-root", "names-with-commas-unquoted", "old-dialect",
        "paths-with-commas-and-quotes-unquoted",
    ],
)  # fmt: skip
def test_the_table_has_the_users_that_the_reader_has(reports, name):
    users = [(row["user"], row["arn"]) for row in rows(reports, name) if row]
    assert users == users_of_the_reader(name) != []


@pytest.mark.parametrize("name", ["columns-in-another-order-and-unknown", "no-arn-column", "sixteen-columns-before-2015"])
def test_a_report_of_other_columns_has_no_row_rather_than_a_wrong_one(reports, name):
    assert set(rows(reports, name)) == {None}


def test_cells_after_a_comma_are_in_their_columns(reports):
    for name in ("names-with-commas-unquoted", "paths-with-commas-and-quotes-unquoted"):
        for row in filter(None, rows(reports, name)):
            assert row["user_creation_time"].endswith("Z") and row["cert_2_last_rotated"] == "N/A"
            assert {row["mfa_active"], row["cert_1_active"], row["cert_2_active"]} == {"false"}
            assert row["additional_credentials_info"] is None
    told = rows(reports, "additional-credentials")[0]["additional_credentials_info"]
    assert told == "Additional access keys: 1; list them with ListAccessKeys"


def test_the_columns_of_the_reports_are_those_that_rollcall_reads(reports):
    names = re.findall(r'\(Self::\w+, "(\w+)"\)', (ROOT / "core" / "src" / "report" / "columns.rs").read_text())
    assert [column["Name"] for column in reports["StorageDescriptor"]["Columns"]] == names


def test_every_table_is_projected_on_the_same_dates(resources):
    tables = [r["Properties"]["TableInput"] for r in resources.values() if r["Type"] == "AWS::Glue::Table"]
    assert {table["Name"] for table in tables} == {"accounts", "findings", "reports"}
    for table in tables:
        projection = {name: value for name, value in table["Parameters"].items() if name.startswith("projection.")}
        assert projection == {
            "projection.enabled": "true",
            "projection.date.type": "date",
            "projection.date.format": "yyyy-MM-dd",
            "projection.date.range": {"Fn::Sub": "${FirstDate},NOW"},
            "projection.date.interval": "1",
            "projection.date.interval.unit": "DAYS",
        }
        assert "/${!date}/" in table["Parameters"]["storage.location.template"]["Fn::Sub"]


def test_no_partition_is_written_out(resources):
    assert not [text for text in strings(resources) if re.search(r"arn:aws[^:]*:", text)]


def test_the_policy_writes_results_alone(resources):
    statements = resources["AthenaPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    by_id = {statement["Sid"]: statement for statement in statements if "Sid" in statement}
    reading = re.compile(r"(athena|glue):(BatchGet|Get|List|Start|Stop)|s3:(Get|List)")
    for name, statement in by_id.items():
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if name not in ("Results", "ResultBucket"):
            assert all(reading.match(action) for action in actions), name
        assert statement["Resource"] != "*" or name == "QueryEditor"
    assert all("ResultBucket.Arn" in str(by_id[name]["Resource"]) for name in ("Results", "ResultBucket"))
    assert by_id["Queries"]["Resource"]["Fn::Sub"].endswith(":workgroup/${WorkGroup}")
    assert [resource["Fn::Sub"].rsplit(":", 1)[1] for resource in by_id["Tables"]["Resource"]] == [
        "catalog", "database/${Database}", "table/${Database}/*"
    ]  # fmt: skip


def test_results_expire(resources):
    (rule,) = resources["ResultBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", {"Ref": "ResultDays"})


def test_the_document_has_every_parameter_table_column_and_query(resources):
    document = (ROOT / "docs" / "athena.md").read_text()
    for name in load("templates/athena.yml")["Parameters"]:
        assert f"`{name}`" in document, name
    for resource in resources.values():
        if resource["Type"] == "AWS::Athena::NamedQuery":
            assert f"### {resource['Properties']['Name']}\n" in document
        if resource["Type"] == "AWS::Glue::Table" and resource["Properties"]["TableInput"]["Name"] != "reports":
            for column in resource["Properties"]["TableInput"]["StorageDescriptor"]["Columns"]:
                assert f"`{column['Name']}`" in document, column["Name"]
