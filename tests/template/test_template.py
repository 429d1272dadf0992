"""The templates: that they are well-formed, fit each other, and hold what the design asks of them."""

import json
import re
import subprocess
from textwrap import indent

import boto3
import botocore.session
import pytest
import yaml
from templates import ROOT, TEMPLATES, Deployment, load, strings
from test_parameters import GOOD


@pytest.fixture(scope="module")
def template():
    return load("template.yml")


@pytest.fixture(scope="module")
def archive():
    return load("templates/log-archive.yml")


def source(name):
    """A file of the core, wherever it lies."""
    (file,) = (ROOT / "core" / "src").rglob(name)
    return file.read_text()


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_partition_is_written_down(name):
    """Neither in an ARN nor in a domain. A service's principal has the same name in every partition."""
    template = load(name)
    texts = [*strings(template.get("Resources")), *strings(template.get("Outputs", {}))]
    assert texts
    assert [text for text in texts if re.search(r"arn:aws[a-z-]*:|amazonaws\.com\.cn|aws\.amazon\.com", text)] == []
    assert [text for text in texts if re.search(r"\b[a-z]{2}(-gov|-iso[a-z]?)?-(north|south|east|west|central)\w*-\d", text)] == []
    domains = [text for text in texts if "amazonaws" in text]
    assert [text for text in domains if not re.fullmatch(r"[a-z]+\.amazonaws\.com|arn:.*/sso\.amazonaws\.com/\*", text)] == []


def test_every_partition_that_people_can_join_has_its_console(template):
    partitions = {name for name in botocore.session.get_session().get_available_partitions() if "-iso" not in name}
    assert set(template["Mappings"]["Partitions"]) == partitions >= {"aws", "aws-us-gov", "aws-cn"}
    console = source("console.rs")
    for partition in template["Mappings"]["Partitions"].values():
        assert f'"{partition["ConsoleDomain"]}"' in console


def test_only_regions_that_every_account_has_are_taken(template):
    (assertion,) = template["Rules"]["TheRegionIsOneThatEveryAccountHas"]["Assertions"]
    regions, region = assertion["Assert"]["Fn::Contains"]
    assert region == {"Ref": "AWS::Region"}
    session = boto3.session.Session()
    of_partitions = {p: set(session.get_available_regions("cloudformation", partition_name=p)) for p in template["Mappings"]["Partitions"]}
    of_aws = of_partitions.pop("aws")
    # Before March 2019 every Region was enabled for every account, and since then none is
    # ("Enable or disable AWS Regions in your account", Account Management Reference Guide).
    assert len(set(regions) & of_aws) == 17
    assert set(regions) - of_aws == set().union(*of_partitions.values()), "partitions whose Regions are all on"


def test_china_is_told_to_deploy_the_member_roles_as_stacks(template):
    rule = template["Rules"]["ChinaHasNoManagedMemberRoles"]
    china = boto3.session.Session().get_available_regions("cloudformation", partition_name="aws-cn")
    assert rule["RuleCondition"] == {"Fn::Contains": [china, {"Ref": "AWS::Region"}]}


def test_every_parameter_of_awss_sample_has_a_successor(template):
    page = (ROOT / "docs" / "configure.md").read_text()
    parameters = [
        "pS3BucketStatus", "pS3BucketTargetName", "pKMSKeyStatus", "pKMSKeyArn", "pSNSSubEmail",
        "pIAMCredentialGenRoleName", "pOrganizationRootId", "pOrganizationId", "pLogsRetentionInDays",
        "pEventBridgeTriggerHour", "pTagKey1", "pTagValue1",
    ]  # fmt: skip
    for parameter in parameters:
        row = re.search(rf"^\| `{parameter}` \| `(\w+)` \|", page, re.MULTILINE)
        assert row, f"{parameter} is not in the table"
        assert row[1] in template["Parameters"], row[1]


def test_every_parameter_is_described(template):
    for name, parameter in template["Parameters"].items():
        assert parameter.get("Description"), name


def test_every_parameter_is_offered_in_a_group(template):
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    offered = [name for group in groups for name in group["Parameters"]]
    assert sorted(offered) == sorted(template["Parameters"])


def test_the_form_says_where_the_ids_of_the_organization_are(template):
    labels = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterLabels"]
    assert set(labels) <= set(template["Parameters"])
    assert all(label["default"].startswith(f"{name}: ") for name, label in labels.items()), "the pages use the names"
    for name in ("OrganizationId", "OrganizationalUnitIds"):
        assert "in the console of AWS Organizations, under " in labels[name]["default"]


def test_every_parameter_is_explained(template):
    page = (ROOT / "docs" / "configure.md").read_text()
    missing = [name for name in template["Parameters"] if f"`{name}`" not in page]
    assert missing == []


def test_a_night_that_missed_an_account_and_a_night_that_never_was_raise_alarms(template):
    resources = template["Resources"]
    coverage, no_run = resources["CoverageAlarm"]["Properties"], resources["NoRunAlarm"]["Properties"]
    assert (coverage["ComparisonOperator"], coverage["Threshold"]) == ("LessThanThreshold", 100)
    filled, runs = no_run["Metrics"]
    assert filled["Expression"] == "FILL(runs, 0)" and filled["ReturnData"] is True
    assert runs["MetricStat"]["Period"] * no_run["EvaluationPeriods"] == 26 * 3600
    assert no_run["TreatMissingData"] == "breaching", "a metric that never was can't be filled"
    for alarm in (coverage, no_run):
        assert alarm["AlarmActions"] == [{"Ref": "ErrorTopic"}]
    statements = resources["ErrorTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (alarms,) = [s for s in statements if s.get("Principal") == {"Service": "cloudwatch.amazonaws.com"}]
    assert "aws:SourceAccount" in alarms["Condition"]["StringEquals"]


def test_errors_findings_and_chat_are_topics_of_their_own(template):
    topics = {name: r for name, r in template["Resources"].items() if r["Type"] == "AWS::SNS::Topic"}
    assert set(topics) == {"ErrorTopic", "FindingsTopic", "ChatTopic"}
    assert topics["ChatTopic"]["Condition"] == "SendToChat"
    mails = [r for r in template["Resources"].values() if r["Type"] == "AWS::SNS::Subscription"]
    assert {(m["Condition"], m["Properties"]["TopicArn"]["Ref"]) for m in mails} == {
        ("MailErrors", "ErrorTopic"),
        ("MailFindings", "FindingsTopic"),
    }


def test_logs_are_kept_for_as_long_as_cloudwatch_offers(template):
    assert template["Parameters"]["LogRetentionDays"]["AllowedValues"] == [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653
    ]  # fmt: skip
    groups = [r for r in template["Resources"].values() if r["Type"] == "AWS::Logs::LogGroup"]
    functions = [r for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    assert len(functions) == 4 and len(groups) == 5, "and the state machine's own"
    assert all(group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups)


def test_logs_traces_and_encryption_are_as_the_parameters_say():
    made = Deployment("template.yml", **GOOD["template.yml"], Tracing="true", LogLevel="WARN", EncryptMessagesAndLogs="false")
    default = Deployment("template.yml", **GOOD["template.yml"])
    for of, tracing, level, of_the_analysis in ((made, "Active", "WARN", "INFO"), (default, "PassThrough", "INFO", "INFO")):
        for name, function in of.of_type("AWS::Lambda::Function").items():
            # Its metrics are a line at INFO.
            wanted = of_the_analysis if name == "AnalyzeReportsFunction" else level
            assert (function["TracingConfig"]["Mode"], function["LoggingConfig"]["ApplicationLogLevel"]) == (tracing, wanted), name
        traces = {name: [s for s in statements_of(role) if s.get("Sid") == "Traces"] for name, role in function_roles(of)}
        assert {name for name, found in traces.items() if found} == (set(traces) if of is made else set())
        (machine,) = of.of_type("AWS::StepFunctions::StateMachine").values()
        assert machine["TracingConfiguration"]["Enabled"] is (of is made)
        encrypted = of is default
        for group in of.of_type("AWS::Logs::LogGroup").values():
            assert ("KmsKeyId" in group) == encrypted
        for topic in of.of_type("AWS::SNS::Topic").values():
            assert ("KmsMasterKeyId" in topic) == encrypted
        assert ("OperationsKey" in of.resources) == encrypted


def statements_of(role):
    return [s for policy in role.get("Policies", []) for s in policy["PolicyDocument"]["Statement"]]


def function_roles(deployment):
    roles = {function["Role"].strip("<>").removesuffix(".Arn") for function in deployment.of_type("AWS::Lambda::Function").values()}
    return [(name, deployment.resources[name]) for name in sorted(roles)]


@pytest.mark.parametrize("file", TEMPLATES)
def test_buckets_and_keys_outlive_the_stack_but_not_a_first_creation_that_failed(file):
    for name, resource in load(file)["Resources"].items():
        kept = resource["Type"] in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key")
        policies = resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")
        # Anything else goes with the stack, the nested one too, which has to say so.
        goes = (None, None) if resource["Type"] != "AWS::CloudFormation::Stack" else ("Delete", "Delete")
        assert policies == (("RetainExceptOnCreate", "Retain") if kept else goes), name


def test_the_report_bucket_is_encrypted_with_a_bucket_key(archive):
    rules = archive["Resources"]["ReportBucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    condition, with_key, _ = rules[0]["Fn::If"]
    assert condition == "UseKey"
    assert with_key["BucketKeyEnabled"] is True
    assert with_key["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


@pytest.fixture(scope="module")
def taggable():
    """The types of resources that take tags, as cfn-lint knows them from CloudFormation."""
    types = {resource["Type"] for name in TEMPLATES for resource in load(name)["Resources"].values()}
    script = """if True:
        import sys
        from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER as schemas
        for name in sys.argv[1:]:
            if "Tags" in schemas.get_resource_schema("us-east-1", name).schema["properties"]:
                print(name)
    """
    command = [ROOT / ".tools" / "sam" / "bin" / "python", "-c", script, *sorted(types)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("file", TEMPLATES)
def test_everything_that_takes_a_tag_has_it(file, taggable):
    assert {"AWS::S3::Bucket", "AWS::Events::Rule", "AWS::CloudWatch::Dashboard"} <= taggable
    for name, resource in load(file)["Resources"].items():
        if resource["Type"] in taggable:
            assert resource["Properties"]["Tags"] == [{"Key": {"Ref": "TagKey"}, "Value": {"Ref": "TagValue"}}], name


def test_a_tag_is_the_same_in_every_template(template):
    for file in TEMPLATES:
        for name in ("TagKey", "TagValue"):
            here, there = load(file)["Parameters"][name], template["Parameters"][name]
            assert {**here, "Description": ""} == {**there, "Description": ""}, file


def test_the_log_archive_takes_the_parameters_of_the_template_as_they_are(template, archive):
    given = set(template["Resources"]["LogArchive"]["Properties"]["Parameters"])
    assert given == set(archive["Parameters"])
    for name in given & set(template["Parameters"]):
        here, there = template["Parameters"][name], archive["Parameters"][name]
        if name in ("BucketStatus", "OrganizationId", "RolePath", "PermissionsBoundaryArn"):
            # Another account is no matter to the archive, and a run in another organization neither.
            here, there = ({k: v for k, v in p.items() if k != "Description"} for p in (here, there))
        assert here == there, name


def test_what_people_write_is_never_moved_or_deleted_by_the_buckets_rules(archive):
    (rule,) = archive["Resources"]["ReportBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {"Transitions", "ExpirationInDays", "NoncurrentVersionExpiration"} < set(rule)
    assert rule["Prefix"] == "2" and not "exemptions.toml".startswith(rule["Prefix"])


def test_the_key_of_messages_and_logs_admits_those_who_publish_and_the_logs_of_the_stack(template):
    statements = template["Resources"]["OperationsKey"]["Properties"]["KeyPolicy"]["Statement"]
    by_sid = {statement["Sid"]: statement for statement in statements}
    assert by_sid["TheAlarms"]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    for sid in ("TheRuleOnBrokenRuns", "TheAlarms"):
        assert by_sid[sid]["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]
    encrypted = {"Fn::If": ["EncryptOperations", {"Fn::GetAtt": "OperationsKey.Arn"}, {"Ref": "AWS::NoValue"}]}
    logs = by_sid["TheLogs"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert resource["Properties"]["KmsKeyId"] == encrypted, name
            group = resource["Properties"]["LogGroupName"]["Fn::Sub"]
            patterns = [arn["Fn::Sub"].split(":log-group:")[1] for arn in logs]
            assert any(group.startswith(pattern.rstrip("*")) for pattern in patterns), name
        if resource["Type"] == "AWS::SNS::Topic":
            assert resource["Properties"]["KmsMasterKeyId"]["Fn::If"][:2] == ["EncryptOperations", {"Ref": "OperationsKey"}]


def test_the_work_bucket_is_encrypted_and_what_is_in_it_expires(template):
    bucket = template["Resources"]["WorkBucket"]["Properties"]
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 14)
    assert "Prefix" not in rule


def test_the_dashboard_shows_what_the_analysis_measures(template):
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    dashboard = json.loads(re.sub(r"\$\{([\w:.]+)\}", r"value-of-\1", body))
    metrics = [metric for w in dashboard["widgets"] for metric in w["properties"].get("metrics", [])]
    shown = {name for metric in metrics for name in metric if isinstance(name, str)}
    measured = set(re.findall(r'"(\w+)"', source("metrics.rs").split("#[cfg(test)]")[0]))
    ours = {
        "CoveragePercent", "AccountsCollected", "AccountsFailed", "AccountsWithoutOutcome", "AccountsSkipped",
        "CriticalFindings", "HighFindings", "MediumFindings", "LowFindings", "NewFindings", "ResolvedFindings",
        "UnreadableRows",
    }  # fmt: skip
    assert ours <= shown & measured, ours - (shown & measured)


def test_every_metric_is_read_by_an_alarm_or_by_the_dashboard_which_is_not_made_unless_asked_for(template):
    code = source("metrics.rs").split("#[cfg(test)]")[0]
    of_alarms = set(re.findall(r'"(\w+)"', re.search(r"const OF_ALARMS: .*?= \[(.*?)\];", code)[1]))
    coverage, no_run = (template["Resources"][name]["Properties"] for name in ("CoverageAlarm", "NoRunAlarm"))
    read = {coverage["MetricName"], *(m["MetricStat"]["Metric"]["MetricName"] for m in no_run["Metrics"] if "MetricStat" in m)}
    assert of_alarms == read
    shown = set(re.findall(r'"(\w+)"', template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]))
    everything = set(re.findall(r'\("(\w+)", "(?:Count|Percent|Seconds)"', code))
    assert everything <= of_alarms | shown, "nothing reads the rest, and it costs"
    assert template["Resources"]["Dashboard"]["Condition"] == "MakeDashboard"
    assert template["Conditions"]["MakeDashboard"] == {"Fn::Equals": [{"Ref": "ShowDashboard"}, "true"]}
    assert template["Parameters"]["ShowDashboard"]["Default"] == "false"
    variables = template["Resources"]["AnalyzeReportsFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["SHOW_DASHBOARD"] == {"Ref": "ShowDashboard"}


def stars_without_a_reason(text):
    """The lines on which a star is a resource, however it is written, and no comment above says why."""

    def values(node):
        if isinstance(node, yaml.ScalarNode):
            yield node
        for child in node.value if not isinstance(node, yaml.ScalarNode) else []:
            # In a mapping a child is a key and its value, as in the long form of Fn::If.
            yield from values(child[1] if isinstance(child, tuple) else child)

    def resources(node):
        for child in node.value if not isinstance(node, yaml.ScalarNode) else []:
            if not isinstance(child, tuple):
                yield from resources(child)
            elif child[0].value in ("Resource", "NotResource"):
                yield from values(child[1])
            else:
                yield from resources(child[1])

    lines = text.splitlines()
    stars = {node.start_mark.line for node in resources(yaml.compose(text)) if node.value.strip() == "*"}
    return [number + 1 for number in sorted(stars) if not re.match(r" *# \w", lines[number - 1])]


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_star_as_resource_says_why(name):
    assert stars_without_a_reason((ROOT / name).read_text()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "Resource: '*'",
        'Resource: "*"',
        "Resource:    '*' # a comment beside it is easily read as one of the next line",
        "'Resource': ['arn:aws:s3:::bucket', '*']",
        "Resource:\n  - arn:aws:s3:::bucket\n  - '*'",
        "Resource: >-\n  *",
        "Resource: !If [Here, !Ref Topic, '*']",
        "Resource: { 'Fn::If': [Here, !Ref Topic, '*'] }",
        "Resource: !Sub '*'",
        "Statement: [{ Effect: Allow, Action: 's3:*', Resource: '*' }]",
        '{"Statement": {"Effect": "Allow", "Resource": "*"}}',
        "NotResource: '*'",
        "Statement:\n  #\n  - Resource: '*'",
    ],
)
def test_no_way_to_write_a_star_gets_by_without_a_reason(statement):
    assert len(stars_without_a_reason(f"Version: 1\nDocument:\n{indent(statement, '  ')}")) == 1


def test_a_star_with_its_reason_above_it_is_let_by():
    assert stars_without_a_reason("# It knows no resources.\nResource: '*'\nAction: '*'") == []


def checkov(file, *arguments, folder=ROOT):
    """Runs checkov in `folder`, whose .checkov.yml it reads."""
    command = [ROOT / ".tools" / "checkov" / "bin" / "checkov", "--file", file, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_bucket_without_its_public_access_block_fails_lint(tmp_path):
    text = (ROOT / "templates" / "log-archive.yml").read_text()
    open_bucket = tmp_path / "log-archive.yml"
    open_bucket.write_text(re.sub(r"      PublicAccessBlockConfiguration:\n(        .*\n)+", "", text))
    done = checkov(open_bucket)
    assert done.returncode == 1 and "CKV_AWS_53" in done.stdout, done


def test_every_exception_from_checkov_is_needed(tmp_path):
    settings = yaml.safe_load((ROOT / ".checkov.yml").read_text())
    excepted = settings.pop("skip-check")
    (tmp_path / ".checkov.yml").write_text(yaml.safe_dump(settings))
    done = checkov(ROOT / "template.yml", "--output", "json", folder=tmp_path)
    failed = json.loads(done.stdout)["results"]["failed_checks"]
    assert {check["check_id"] for check in failed} == set(excepted)


def statements_by_id(role):
    return {statement["Sid"]: statement for statement in statements_of(role)}


BOUNDED = {"RolePath": "/security/", "PermissionsBoundaryArn": "arn:aws:iam::999988887777:policy/a/boundary"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_role_has_the_path_and_the_boundary(name):
    roles = {n for n, resource in load(name)["Resources"].items() if resource["Type"] == "AWS::IAM::Role"}
    if not roles:
        assert not {"RolePath", "PermissionsBoundaryArn"} & set(load(name)["Parameters"])
        return
    auditor = {"AuditorPrincipalArns": "arn:aws:iam::111122223333:user/auditor"} if "log-archive" in name else {}
    bounded = Deployment(name, **GOOD[name] | auditor | BOUNDED).of_type("AWS::IAM::Role")
    plain = Deployment(name, **GOOD[name] | auditor).of_type("AWS::IAM::Role")
    assert set(bounded) == set(plain) == roles
    # A StackSet gives every account the same ARN, and a boundary has to be of the role's own account.
    owner = "111122223333" if name == "templates/member-role.yml" else "999988887777"
    for role in roles:
        assert (bounded[role]["Path"], plain[role]["Path"]) == ("/security/", "/"), role
        assert bounded[role]["PermissionsBoundary"] == f"arn:aws:iam::{owner}:policy/a/boundary", role
        assert "PermissionsBoundary" not in plain[role], role


@pytest.mark.parametrize(("parameters", "member"), [({}, "rollcall-member"), (BOUNDED, "security/rollcall-member")])
def test_a_role_is_called_by_its_path_wherever_it_is_named(parameters, member):
    resources = Deployment("template.yml", **GOOD["template.yml"] | parameters).resources
    # As Rollcall makes the ARN of it: arn:PARTITION:iam::ACCOUNT:role/NAME.
    assert resources["CollectReportFunction"]["Environment"]["Variables"]["MEMBER_ROLE_NAME"] == member
    assert statements_by_id(resources["CollectReportRole"])["MemberRole"]["Resource"] == f"arn:aws:iam::*:role/{member}"
    archive = Deployment("templates/log-archive.yml", **GOOD["templates/log-archive.yml"] | parameters).resources
    named = {text for text in strings(archive) if ":role/" in text}
    path = member.removesuffix("rollcall-member")
    steps = ("list-accounts", "collect-report", "analyze-reports", "notify")
    assert named == {f"arn:aws:iam::999988887777:role/{path}rollcall-{step}" for step in steps}


def test_evidence_is_locked_in_the_mode_that_is_chosen():
    for chosen, mode in (({}, "GOVERNANCE"), ({"ObjectLockMode": "COMPLIANCE"}, "COMPLIANCE")):
        parameters = GOOD["templates/log-archive.yml"] | {"ObjectLockDays": "365"} | chosen
        bucket = Deployment("templates/log-archive.yml", **parameters).resources["ReportBucket"]
        assert bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {"Mode": mode, "Days": "365"}


def test_the_collector_assumes_roles_of_its_organization_alone():
    role = Deployment("template.yml", **GOOD["template.yml"]).resources["CollectReportRole"]
    organization = GOOD["template.yml"]["OrganizationId"]
    assert statements_by_id(role)["MemberRole"]["Condition"] == {"StringEquals": {"aws:ResourceOrgID": organization}}
    alone = {"AccountIds": "111122223333", "ManageMemberRoles": "false"}
    assert "Condition" not in statements_by_id(Deployment("template.yml", **alone).resources["CollectReportRole"])["MemberRole"]


def test_children_of_the_map_are_described_and_stopped_by_either_form_of_their_arn():
    policy = Deployment("template.yml", **GOOD["template.yml"]).resources["NightlyRunPolicy"]
    (under_way,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Sid"] == "ChildExecutionsUnderWay"]
    executions = "arn:aws:states:eu-central-1:111122223333:execution:rollcall"
    assert under_way["Resource"] == [f"{executions}:*", f"{executions}/*"]


def test_a_role_that_writes_may_decrypt_through_s3_because_of_the_bucket_key():
    resources = Deployment("template.yml", **GOOD["template.yml"]).resources
    for role in ("ListAccountsRole", "CollectReportRole"):
        key = statements_by_id(resources[role])["ReportKey"]
        assert set(key["Action"]) == {"kms:GenerateDataKey", "kms:Decrypt"}, role
        assert key["Condition"] == {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}, role
        gets = [s for s in statements_of(resources[role]) if "s3:GetObject" in str(s["Action"])]
        # The work bucket is not under the key.
        assert not [s for s in gets if "WorkBucket" not in str(s["Resource"])], f"{role} can't read what it may decrypt"
    archive = Deployment("templates/log-archive.yml", **GOOD["templates/log-archive.yml"]).resources["ReportKey"]
    (writes,) = [s for s in archive["KeyPolicy"]["Statement"] if s["Sid"] == "TheRunWrites"]
    assert set(writes["Action"]) == {"kms:GenerateDataKey", "kms:Decrypt"}


def test_without_a_key_no_role_is_given_one():
    of = Deployment("template.yml", **GOOD["template.yml"], KmsKeyStatus="None", EncryptMessagesAndLogs="false")
    roles = {**of.of_type("AWS::IAM::Role"), **of.of_type("AWS::IAM::Policy")}
    assert len(roles) >= 6 and not [text for text in strings(roles) if text.startswith("kms:")]


def test_the_statements_to_copy_into_a_bucket_and_a_key_are_those_of_the_log_archive():
    resources = Deployment("templates/log-archive.yml", **GOOD["templates/log-archive.yml"], CollectorStackName="STACK").resources
    told = re.findall(r"^\| `(\w+)` \| (bucket|key) \| (.*) \| (.*) \|$", (ROOT / "docs" / "configure.md").read_text(), re.MULTILINE)
    documents = {"bucket": resources["ReportBucketPolicy"]["PolicyDocument"], "key": resources["ReportKey"]["KeyPolicy"]}
    listed = []
    for of, document in documents.items():
        for statement in document["Statement"]:
            roles = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn", [])
            if roles:
                listed.append((statement["Sid"], of, set(re.findall(r"\w+:\w+", str(statement["Action"]))), set(re.findall(r"role/([\w-]+)", str(roles)))))
    assert [(sid, of, set(re.findall(r"`(\w+:\w+)`", allows)), set(re.findall(r"`([\w-]+)`", roles))) for sid, of, allows, roles in told] == listed


def test_member_roles_go_to_every_account_by_a_stackset(template):
    stackset = template["Resources"]["MemberRoles"]["Properties"]
    assert stackset["PermissionModel"] == "SERVICE_MANAGED"
    assert stackset["AutoDeployment"]["Enabled"] is True
    assert stackset["CallAs"] == {"Fn::If": ["Delegated", "DELEGATED_ADMIN", "SELF"]}
    assert template["Conditions"]["Delegated"] == {"Fn::Equals": [{"Ref": "DelegatedAdministrator"}, "true"]}
    assert stackset["TemplateURL"] == "templates/member-role.yml"
    given = {parameter["ParameterKey"] for parameter in stackset["Parameters"]}
    assert given == set(load("templates/member-role.yml")["Parameters"])


def test_a_member_role_trusts_one_role_of_one_organization():
    role = load("templates/member-role.yml")["Resources"]["MemberRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["ArnEquals"] == {"aws:PrincipalArn": {"Ref": "CollectorRoleArn"}}
    assert trust["Condition"]["StringEquals"]["Fn::If"][1] == {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}
    (policy,) = role["Policies"]
    (allowed,) = policy["PolicyDocument"]["Statement"]
    assert allowed["Action"] == ["iam:GenerateCredentialReport", "iam:GetCredentialReport"]


def test_a_run_that_ends_badly_is_heard(template):
    rule = template["Resources"]["BrokenRunRule"]["Properties"]
    assert rule["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    # EventBridge publishes as itself, and sends nothing that a condition could look at.
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": "ErrorTopic"} and "RoleArn" not in target
    policies = template["Resources"]["ErrorTopicPolicy"], template["Resources"]["OperationsKey"]
    documents = policies[0]["Properties"]["PolicyDocument"], policies[1]["Properties"]["KeyPolicy"]
    for document, actions in zip(documents, ("sns:Publish", ["kms:GenerateDataKey", "kms:Decrypt"]), strict=True):
        (events,) = [s for s in document["Statement"] if s.get("Principal") == {"Service": "events.amazonaws.com"}]
        assert (events["Effect"], events["Action"]) == ("Allow", actions)
        assert "Condition" not in events


def test_a_local_deployment_differs_in_architecture_and_endpoint_alone(template):
    assert template["Parameters"]["Architecture"]["Default"] == "arm64"
    assert not [text for text in strings(template["Resources"]) if "127.0.0.1" in text or "ENDPOINT_URL" in text]
