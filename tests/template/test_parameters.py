"""What is wrong with a parameter is refused before anything is made, with a sentence that says what is
allowed. Patterns, lists, limits and rules are evaluated here as CloudFormation evaluates them; that its
refusal reaches the person who deploys is shown by one end-to-end test."""

import pytest
from templates import TEMPLATES, Deployment, load

# A deployment of each template that nothing is wrong with.
GOOD = {
    "template.yml": {"OrganizationId": "o-a1b2c3d4e5", "OrganizationalUnitIds": "r-ab12"},
    "templates/athena.yml": {"ReportBucketName": "evidence-of-ours"},
    "templates/log-archive.yml": {"CollectorAccountId": "999988887777"},
    "templates/member-role.yml": {"CollectorRoleArn": "arn:aws:iam::111122223333:role/rollcall-collect-report"},
}

UNITS = ["r-ab12", "ou-ab12-11111111", "r-ab12,ou-ab12-11111111"], ["r-AB12", "ou-ab12", "r-ab12, r-cd34", "r-ab12,", "all"]
ACCOUNTS = ["", "111122223333", "111122223333,444455556666"], ["1234", "1111-2222-3333", "111122223333, 444455556666", ","]
BUCKET = ["evidence-of-ours", "a.b", "2026"], ["ab", "Evidence", "-evidence", "evidence-", "under_score", "s3://evidence"]
KEY = (
    ["arn:aws:kms:eu-central-1:111122223333:key/mrk-1a2b", "arn:aws-cn:kms:cn-north-1:111122223333:key/1a2b-3c4d"],
    ["1a2b-3c4d", "alias/evidence", "arn:aws:kms:eu-central-1:111122223333:alias/evidence"],
)
LIMIT = ["off", "0", "90", "36500"], ["", "on", "-1", "36501", "ninety", "90.5"]
EMAIL = ["", "security@example.com"], ["security", "a@b", "a b@example.com", "a@example.com,b@example.com"]

# For every parameter with a pattern or limits what is taken, and what is not.
VALUES = {
    "OrganizationId": (["", "o-a1b2c3d4e5"], ["o-a1b2", "a1b2c3d4e5", "o-A1B2C3D4E5", "r-ab12"]),
    "OrganizationalUnitIds": UNITS,
    "IncludeAccountIds": ACCOUNTS,
    "ExcludeAccountIds": ACCOUNTS,
    "AccountIds": ACCOUNTS,
    "MemberRoleName": (["rollcall-member", "a+=,.@-_Z9"], ["", "role/rollcall", "with space", "a" * 65, "rölle"]),
    "BucketName": BUCKET,
    "ReportBucketName": (BUCKET[0], ["", *BUCKET[1]]),
    "BucketAccountId": (["", "222233334444"], ["1234", "2222-3333-4444"]),
    "CollectorAccountId": (["222233334444"], ["", "1234"]),
    "CollectorStackName": (["rollcall", "Rollcall-2"], ["", "2rollcall", "roll_call", "r" * 49]),
    "CollectorRoleArn": (["arn:aws:iam::111122223333:role/a/b"], ["", "rollcall", "arn:aws:iam::111122223333:user/a"]),
    "KmsKeyArn": KEY,
    "ReportKeyArn": KEY,
    "AccessLogBucketName": BUCKET,
    "ObjectLockDays": (["0", "1", "365", "36500"], ["", "36501", "-1", "01", "a year"]),
    "TransitionDays": (["0", "30", "9999"], ["29", "10000", "1.5"]),
    "ExpirationDays": (["0", "30", "29999"], ["29", "30000", "never"]),
    "NoncurrentVersionDays": (["0", "1", "29999"], ["30000", "-1"]),
    "AuditorPrincipalArns": (
        ["", "arn:aws:iam::111122223333:user/a", "arn:aws-cn:iam::111122223333:root,arn:aws:iam::111122223333:user/p/a"],
        # Sessions of roles carry no MFA, so a role can't be named.
        ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:user/*", "*"],
    ),
    "RolePath": (["/", "/security/rollcall/"], ["", "security/", "/security", "//", "/a b/"]),
    "PermissionsBoundaryArn": (
        ["", "arn:aws:iam::111122223333:policy/boundary", "arn:aws-cn:iam::111122223333:policy/a/b"],
        # A member role's boundary is of its own account, which AWS's policies are not.
        ["arn:aws:iam::aws:policy/PowerUserAccess", "boundary", "arn:aws:iam::111122223333:role/a"],
    ),
    "TriggerHour": (["0", "23"], ["-1", "24", "one"]),
    "MaxConcurrency": (["1", "1000"], ["0", "1001", "many"]),
    "PollSeconds": (["0", "40"], ["-1", "41"]),
    "AccessKeyStale": LIMIT,
    "AccessKeyUnused": LIMIT,
    "PasswordUnused": LIMIT,
    "RootUsed": LIMIT,
    "CertificateStale": LIMIT,
    "ErrorEmail": EMAIL,
    "FindingsEmail": EMAIL,
    "TagKey": (["Application", "cost center", "a.b:c/d=e+f-g_h"], ["", "aws:mine", "AWS:mine", "k" * 129, "ä", "a@b"]),
    "TagValue": (["Rollcall", "team: security", "a@b"], ["", "v" * 257, "ä", "a;b"]),
    "FirstDate": (["2026-01-31"], ["", "31.1.2026", "2026-1-1"]),
    "ScanLimitMegabytes": (["10", "7000000"], ["9", "7000001", "lots"]),
    "ResultDays": (["1", "30"], ["0", "x"]),
    "DeploymentName": (["rollcall", "a_1"], ["", "Rollcall", "1a", "roll-call"]),
}

# Parameters that a rule refuses, and words of its sentence.
COMBINATIONS = [
    ("template.yml", {"BucketStatus": "Existing"}, "so BucketName must name the bucket"),
    ("template.yml", {"BucketStatus": "Existing", "BucketName": "abc", "ObjectLockDays": "1"}, "must be 0; set these on the bucket"),
    ("template.yml", {"BucketStatus": "Existing", "BucketName": "abc", "AccessLogBucketName": "abc"}, "AccessLogBucketName must be empty"),
    ("template.yml", {"KmsKeyStatus": "Existing"}, "so KmsKeyArn must name the key"),
    ("template.yml", {"ObjectLockMode": "COMPLIANCE"}, "ObjectLockDays must say for how many days"),
    ("templates/log-archive.yml", {"ObjectLockMode": "COMPLIANCE"}, "ObjectLockDays must say for how many days"),
    ("template.yml", {"BucketAccountId": "222233334444"}, "BucketStatus here is Existing"),
    ("template.yml", {"BucketAccountId": "222233334444"}, "KmsKeyStatus here is Existing or None"),
    (
        "template.yml",
        {"BucketAccountId": "222233334444", "AuditorPrincipalArns": "arn:aws:iam::111122223333:root"},
        "AuditorPrincipalArns here is empty",
    ),
    ("template.yml", {"region": "cn-north-1"}, "so ManageMemberRoles must be false"),
    ("template.yml", {"region": "eu-south-1"}, "deploy in a Region that every account has"),
    ("template.yml", {"MemberRoleName": "OrganizationAccountAccessRole"}, "may do everything in its account"),
    ("template.yml", {"MemberRoleName": "AWSControlTowerExecution"}, "may do everything in its account"),
    ("template.yml", {"OrganizationalUnitIds": ""}, "OrganizationalUnitIds must name the root"),
    ("template.yml", {"OrganizationId": "", "AccountIds": "111122223333"}, "OrganizationId must name the organization the roles trust"),
    ("template.yml", {"OrganizationId": "", "ManageMemberRoles": "false"}, "AccountIds is empty, so OrganizationId must name"),
    ("templates/log-archive.yml", {"BucketStatus": "Existing"}, "so BucketName must name the bucket"),
    (
        "templates/log-archive.yml",
        {"BucketStatus": "Existing", "BucketName": "abc", "ExpirationDays": "30"},
        "must be 0; set these on the bucket",
    ),
    (
        "templates/log-archive.yml",
        {"BucketStatus": "Existing", "BucketName": "abc", "AccessLogBucketName": "abc"},
        "AccessLogBucketName must be empty",
    ),
    ("templates/log-archive.yml", {"KmsKeyStatus": "Existing"}, "so KmsKeyArn must name the key"),
]

every_template = pytest.mark.parametrize("name", TEMPLATES)


def deployment(name, **parameters):
    return Deployment(name, **GOOD[name] | parameters)


def is_taken(name, **parameters):
    of = deployment(name, **parameters)
    return of.refused_parameters == {} and of.broken_rules == []


@every_template
def test_a_good_deployment_is_not_refused(name):
    assert is_taken(name)


def test_the_other_ways_to_deploy_are_not_refused():
    for ways in (
        {"OrganizationId": "", "OrganizationalUnitIds": "", "AccountIds": "111122223333", "ManageMemberRoles": "false"},
        {"BucketStatus": "Existing", "BucketName": "abc", "BucketAccountId": "222233334444", "KmsKeyStatus": "None"},
        {"region": "cn-north-1", "ManageMemberRoles": "false"},
    ):
        assert is_taken("template.yml", **ways), ways


@every_template
def test_a_parameter_that_is_wrong_is_refused_by_name(name):
    for parameter, of in load(name)["Parameters"].items():
        if {"AllowedPattern", "MinValue", "MaxValue"} & set(of):
            taken, refused = VALUES[parameter]
        else:
            taken, refused = of.get("AllowedValues", []), ["x"] if "AllowedValues" in of else []
        for value in taken:
            assert parameter not in deployment(name, **{parameter: value}).refused_parameters, f"{parameter}={value}"
        for value in refused:
            assert parameter in deployment(name, **{parameter: value}).refused_parameters, f"{parameter}={value} is taken"


def test_every_parameter_of_the_table_is_there():
    assert set(VALUES) <= {parameter for name in TEMPLATES for parameter in load(name)["Parameters"]}


@pytest.mark.parametrize(("name", "parameters", "words"), COMBINATIONS, ids=[f"{n} {w}" for n, _, w in COMBINATIONS])
def test_parameters_that_do_not_go_together_are_refused_with_the_fix(name, parameters, words):
    assert [sentence for sentence in deployment(name, **parameters).broken_rules if words in sentence]


@every_template
def test_every_sentence_of_a_rule_is_said_once_at_least(name):
    said = {s for of, parameters, _ in COMBINATIONS if of == name for s in deployment(name, **parameters).broken_rules}
    rules = load(name).get("Rules", {}).values()
    assert {assertion["AssertDescription"] for rule in rules for assertion in rule["Assertions"]} <= said


@every_template
def test_a_parameter_with_a_pattern_says_what_it_wants(name):
    for parameter, of in load(name)["Parameters"].items():
        if "AllowedPattern" in of:
            assert of.get("ConstraintDescription", "").startswith("must be"), parameter
