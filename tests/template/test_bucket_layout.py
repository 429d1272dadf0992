"""The keys that templates spell out, held to where the code writes: a policy or a table for a key that
nothing has would be wrong without a word."""

import re
from fnmatch import fnmatchcase

import pytest
from state_machines import NIGHTLY_RUN
from templates import ROOT, TEMPLATES, Deployment, strings
from test_parameters import GOOD

ACCOUNT, DATE, EXECUTION = "111122223333", "2026-01-31", "night-1"


def layout():
    """The keys and prefixes that bucket_layout.rs makes for an account and a date, by the function's name."""
    (file,) = (ROOT / "core" / "src").rglob("bucket_layout.rs")
    code = file.read_text().split("#[cfg(test)]")[0]
    constants = dict(re.findall(r'pub const (\w+): &str = "(.*)";', code))
    made = {name: constants[name] for name in ("EXEMPTIONS", "RUNNING")}
    marks = {"execution_mark": EXECUTION}
    function = r'pub fn (\w+)\((?:date|day): [^)]*\) -> String \{\s*format!\("(.*?)"(?:, (\w+)\(\w+\))?\)'
    for name, pattern, prefix in re.findall(function, code):
        pattern = pattern.replace("{}", made.get(prefix) or marks.get(prefix, ""))
        made[name] = pattern.format(date=DATE, day=DATE, account_id=ACCOUNT, **constants)
    assert len(made) == 2 + code.count(") -> String {"), "a key is made in a way that this does not read"
    made["aws_sample_report"] = f"{made['aws_sample_reports']}{ACCOUNT}.csv"
    return made


KEYS = layout()
OF_THE_WORK_BUCKET = {"to_collect", "RUNNING"}
PREFIXES = {"day", "reports", "failures", "aws_sample_reports"}
# Where the state machine itself writes, under the date.
MAP_RESULTS = re.search(r"& '(/[\w-]+)' ", NIGHTLY_RUN.states["CollectReports"]["ResultWriter"]["Arguments"]["Prefix"])[1]


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(name, **parameters):
    """Every statement of every policy of a template, as deployed."""

    def found(value):
        if isinstance(value, dict):
            if "Effect" in value:
                yield value
            for item in value.values():
                yield from found(item)
        elif isinstance(value, list):
            for item in value:
                yield from found(item)

    return found(Deployment(name, **GOOD[name] | parameters).resources)


def places(statement):
    """The buckets and the patterns of keys that a statement is about."""
    for resource in as_list(statement.get("Resource", [])):
        if arn := re.fullmatch(r"(?:arn:aws:s3:::)?(<[^>]+>|[a-z0-9.-]+)/(.+)", resource):
            yield arn[1], arn[2]


def is_of_the_work_bucket(bucket):
    return bucket == "<WorkBucket.Arn>"


def test_the_layout_is_read():
    assert {"accounts", "to_collect", "reports", "report", "failure", "run", "EXEMPTIONS"} <= set(KEYS)
    assert KEYS["report"] == f"{DATE}/reports/credentialReport_{ACCOUNT}.csv"


@pytest.mark.parametrize("name", ["template.yml", "templates/log-archive.yml", "templates/athena.yml"])
def test_every_key_of_a_policy_is_of_the_layout(name):
    patterns = [place for statement in statements(name) for place in places(statement)]
    assert patterns
    for bucket, pattern in patterns:
        ours = [key for of, key in KEYS.items() if (of in OF_THE_WORK_BUCKET) == is_of_the_work_bucket(bucket)]
        ours += [f"{DATE}{MAP_RESULTS}/1/manifest.json"] if is_of_the_work_bucket(bucket) else []
        assert pattern == "*" or any(fnmatchcase(key, pattern) for key in ours), f"{bucket}/{pattern}"


@pytest.mark.parametrize("name", ["template.yml", "templates/log-archive.yml"])
def test_every_prefix_that_may_be_listed_is_of_the_layout(name):
    listed = [p for s in statements(name) for p in as_list(s.get("Condition", {}).get("StringLike", {}).get("s3:prefix", []))]
    assert "" in listed, "the dates"
    for prefix in filter(None, listed):
        assert any(fnmatchcase(key, prefix) for key in KEYS.values()), prefix


def test_every_key_is_written_by_one_role_and_those_that_people_write_by_none():
    writers = {}
    for role, properties in Deployment("template.yml", **GOOD["template.yml"]).of_type("AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                for bucket, pattern in places(statement) if "s3:PutObject" in as_list(statement["Action"]) else ():
                    for of, key in KEYS.items():
                        if fnmatchcase(key, pattern) and (of in OF_THE_WORK_BUCKET) == is_of_the_work_bucket(bucket):
                            writers.setdefault(of, set()).add(role)
    # AWS's sample is another program, and exemptions are people's.
    assert {of for of, roles in writers.items() if len(roles) == 1} == set(KEYS) - PREFIXES - {"EXEMPTIONS", "aws_sample_report"}


def test_the_rules_of_the_report_bucket_are_about_what_runs_write_alone():
    bucket = Deployment("templates/log-archive.yml", **GOOD["templates/log-archive.yml"]).resources["ReportBucket"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    begins = {of for of, key in KEYS.items() if key.startswith(rule["Prefix"])}
    assert begins == set(KEYS) - {"EXEMPTIONS", "RUNNING"}


def test_every_table_reads_a_folder_of_the_layout():
    tables = Deployment("templates/athena.yml", **GOOD["templates/athena.yml"]).of_type("AWS::Glue::Table")
    folders = {}
    for table in tables.values():
        location = table["TableInput"]["Parameters"]["storage.location.template"]
        bucket, _, folder = location.removeprefix("s3://").partition("/")
        assert bucket == GOOD["templates/athena.yml"]["ReportBucketName"]
        folders[table["TableInput"]["Name"]] = folder.replace("${date}", DATE)
    for name, of in (("accounts", "accounts_table"), ("findings", "findings_table"), ("reports", "report")):
        assert folders[name] == KEYS[of].rsplit("/", 1)[0] + "/", name


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_date_is_spelt_out_in_a_key(name):
    assert not [text for text in strings(Deployment(name, **GOOD[name]).resources) if re.search(r"\d{4}-\d{2}-\d{2}/", text)]
