"""The pages about running Rollcall say what the code and the templates say: every code and error has
its section, every name exists, every role and its actions are documented, the cost table is the script's."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from state_machines import NIGHTLY_RUN, STATE_MACHINES
from templates import load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ["runbook.md", "upgrade.md", "cost.md", "limits.md", "security.md", "architecture.md", "comparison.md"]
TEMPLATES = ["template.yml", "templates/log-archive.yml", "templates/member-role.yml"]

# What is named in backticks, looks like a name of ours, and is AWS's.
KNOWN = {"LimitExceeded", "OrganizationAccountAccessRole", "RegionDisabledException", "TimeoutSeconds"}


def page(name):
    return (DOCS / name).read_text()


def prose(text):
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def sections(text, heading):
    """The sections of the third level under a heading of the second, by title."""
    under = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]
    titles = re.split(r"^### (.+)\n", under, flags=re.MULTILINE)[1:]
    return dict(zip(titles[::2], titles[1::2], strict=True))


def on_one_line(text):
    return " ".join(re.sub(r"^> ?", "", text, flags=re.MULTILINE).split())


def variants(file, enum):
    """The names of an enumeration in Rust, in its order."""
    body = re.search(rf"^pub enum {enum} \{{\n(.*?)^\}}", (ROOT / file).read_text(), re.DOTALL | re.MULTILINE)[1]
    names = re.findall(r"^    (\w+),$", body, re.MULTILINE)
    assert names
    return names


def remedies():
    """The remedy of each failure code, by the code."""
    source = (ROOT / "core" / "src" / "organization" / "failure.rs").read_text().split("pub fn remedy")[1]
    texts = re.findall(r'Self::(\w+) => \{\s*"((?:[^"\\]|\\.)*)"', source, re.DOTALL)
    return {code: re.sub(r"\\\n\s*", "", text) for code, text in texts}


@pytest.mark.parametrize("code", variants("core/src/organization/failure.rs", "FailureCode"))
def test_every_failure_code_has_its_runbook_with_the_remedy_of_the_code(code):
    section = sections(page("runbook.md"), "When an account fails").get(code)
    assert section, f"docs/runbook.md has no section {code}"
    assert remedies()[code] in on_one_line(section)
    for step in ("- **Look.** ", "- **Fix.** "):
        assert step in section, step


@pytest.mark.parametrize("error", variants("functions/src/step_error.rs", "StepErrorName"))
def test_every_error_of_a_step_has_its_runbook(error):
    of_account = variants("core/src/organization/failure.rs", "FailureCode")
    title = f"{error} of a step" if error in of_account else error
    section = sections(page("runbook.md"), "When a step breaks").get(title)
    assert section, f"docs/runbook.md has no section {title}"
    for step in ("Look", "[Ff]ix"):
        assert re.search(rf"\b{step}\b", section), step


def test_what_every_check_repeats_is_said_once():
    """Under "Start again and check"; a section has a check of its own only for what else there is to look at."""
    checks = re.findall(r"^- \*\*Check\.\*\* (.*)$", page("runbook.md"), re.MULTILINE)
    assert len(checks) >= 10
    assert [check for check in checks if "`collected`" in check or "#start-again-and-check" in check] == []
    assert [check for check in checks if check.startswith("`SUCCEEDED`")] == []


def test_no_runbook_is_about_a_code_or_error_that_is_gone():
    known = {*variants("core/src/organization/failure.rs", "FailureCode"), *variants("functions/src/step_error.rs", "StepErrorName")}
    text = page("runbook.md")
    titles = {**sections(text, "When an account fails"), **sections(text, "When a step breaks")}
    assert {title.removesuffix(" of a step") for title in titles} == known


def test_the_table_of_codes_has_every_code_once_and_in_order():
    codes = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) \|", page("runbook.md"), re.MULTILINE)
    assert [code for code, _ in codes] == variants("core/src/organization/failure.rs", "FailureCode")
    assert all(anchor == code.lower() for code, anchor in codes)


# What the pages quote, and where it stands in the code, with `...` for what differs from run to run. The sentences of
# a step that broke are held to the runbook in `functions/src/lambda/step_error_remedies.rs`, where they are made.
QUOTED = {
    "functions/src/nightly_run/collect_report.rs": ["no report after", "the collector ended with"],
    "functions/src/nightly_run/collect_report/suspended_since.rs": ["was ACTIVE when the roll was taken and is"],
    "functions/src/nightly_run/analyze_reports/evidence.rs": ["the stored report's SHA-256 is"],
    "core/src/organization/outcome.rs": ["the run ended with neither a report nor a failure of this account"],
    "core/src/messages/digest.rs": ["Exemptions that need attention", "and exempts nothing"],
    "core/src/judgement/finding.rs": ["not verified tonight"],
    "statemachine/credential-reports.asl.json": [": the run failed at "],
}  # fmt: skip


@pytest.mark.parametrize("file", QUOTED)
def test_what_the_runbook_quotes_is_what_the_code_says(file):
    everything = on_one_line(page("runbook.md"))
    sources = [ROOT / file, *(ROOT / "core" / "src").rglob("*.rs")] if file.startswith("core/") else [ROOT / file]
    code = " ".join(on_one_line(source.read_text()) for source in sources)
    for quote in QUOTED[file]:
        assert quote in everything, quote
        assert quote in code, quote


@pytest.mark.parametrize("name", PAGES)
def test_every_name_in_backticks_exists(name):
    """A parameter, resource or output of a template, a state, a code, an error, or a word of AWS's."""
    names = set(KNOWN)
    for file in TEMPLATES:
        template = load(file)
        names |= {*template["Parameters"], *template["Resources"], *template["Outputs"]}
    names |= {state for machine in STATE_MACHINES for state in machine.states}
    names |= {*variants("core/src/organization/failure.rs", "FailureCode"), *variants("functions/src/step_error.rs", "StepErrorName")}
    names |= set(re.findall(r'\("(\w+)", "(?:Count|Percent|Seconds)"', (ROOT / "core" / "src" / "evidence" / "metrics.rs").read_text()))
    names |= set(re.findall(r"^    (\w+) *(?:\{|,|\()", (ROOT / "core" / "src" / "organization" / "failure.rs").read_text(), re.MULTILINE))
    used = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-zA-Z]*)+)(?:=[^`]*)?`", prose(page(name))))
    used |= set(re.findall(r"\b([A-Z]\w+)=", prose(page(name))))
    assert used - names == set()


@pytest.mark.parametrize("file", ["README.md", *(f"docs/{page.name}" for page in sorted(DOCS.glob("*.md")))])
def test_every_make_target_exists(file):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = (ROOT / file).read_text()
    # In code spans and in commands: in prose, make is a verb.
    spans = re.findall(r"`[^`\n]+`", prose(text))
    commands = re.findall(r"^\$ .*$", text, re.MULTILINE)
    used = {target for span in (*spans, *commands) for target in re.findall(r"\bmake ([a-z][a-z-]*)", span)}
    assert used - targets == set()


def test_the_table_of_make_targets_has_every_target():
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    table = page("architecture.md")
    assert [target for target in phony if f"`make {target}`" not in table] == ["lint-templates", "lint-workflows"]


@pytest.mark.parametrize("machine", STATE_MACHINES, ids=str)
def test_a_picture_has_every_state(machine):
    pictures = re.findall(r"```mermaid\n(.*?)```", page("architecture.md"), re.DOTALL)
    assert [picture for picture in pictures if all(name in picture for name in machine.states)]


def test_the_picture_of_the_readme_has_the_steps_in_order_and_only_states_of_the_definition():
    definition = NIGHTLY_RUN.definition
    picture = re.search(r"```mermaid\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    assert set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", picture)) <= set(NIGHTLY_RUN.states)
    step = definition["StartAt"]
    assert f"[*] --> {step}\n" in picture
    while following := definition["States"][step].get("Next"):
        assert f"{step} --> {following}\n" in picture
        step = following
    assert f"{step} --> [*]\n" in picture


def test_the_cost_table_is_the_one_that_the_script_prints():
    script = importlib.util.spec_from_file_location("cost_model", ROOT / "tests" / "cost_model.py")
    cost_model = importlib.util.module_from_spec(script)
    script.loader.exec_module(cost_model)
    assert f"\n\n{cost_model.table()}\n" in page("cost.md"), cost_model.table()


def test_the_cost_model_counts_the_transitions_of_the_definition():
    script = importlib.util.spec_from_file_location("cost_model", ROOT / "tests" / "cost_model.py")
    cost_model = importlib.util.module_from_spec(script)
    script.loader.exec_module(cost_model)
    of_run, of_account, of_wait = cost_model.transitions()
    text = on_one_line(page("cost.md"))
    assert f"An account of the roll passes {of_account} state transitions" in text
    assert f"Each wait adds {of_wait}, and each retry 1. A run itself passes {of_run}." in text
    assert f"nights x ({of_run} + accounts x {of_account} + waits x {of_wait})" in text
    assert f"{cost_model.gigabytes('CollectReport')} GB x (accounts x {cost_model.COLLECT_SECONDS:.0f} s" in text
    metrics = (ROOT / "core" / "src" / "evidence" / "metrics.rs").read_text()
    of_alarms = re.findall(r'"(\w+)"', re.search(r"const OF_ALARMS: .*?= \[(.*?)\];", metrics)[1])
    assert len(of_alarms) == cost_model.METRICS
    everything = re.findall(r'\("\w+", "(?:Count|Percent|Seconds)"', metrics)
    assert len(everything) == cost_model.METRICS + cost_model.METRICS_OF_THE_DASHBOARD
    alone, dashboard = sum(cost_model.monthly(0).values()), cost_model.dashboard_a_month()
    assert alone <= 2.50, "what a deployment costs before it has any account"
    assert f"Without any account it costs {alone:.2f} USD a month. `ShowDashboard=true` adds {dashboard:.2f}" in text
    description = load("template.yml")["Parameters"]["ShowDashboard"]["Description"]
    assert f"about {dashboard:.2f} USD a month" in description


def test_the_limits_of_the_functions_are_those_of_the_template():
    resources = load("template.yml")["Resources"]
    for step in ("ListAccounts", "CollectReport", "AnalyzeReports", "Notify"):
        function = resources[f"{step}Function"]["Properties"]
        row = f"| `{step}` | {function['MemorySize']} MB, {function['Timeout']} seconds"
        assert row in page("limits.md"), row


def statements(document):
    for statement in document["Statement"]:
        yield statement.get("Fn::If", [None, statement])[1]


def actions(template, role):
    """What a role of a template may do: its own policies, and those attached to it."""
    resources = template["Resources"]
    documents = [policy["PolicyDocument"] for policy in resources[role]["Properties"].get("Policies", [])]
    for resource in resources.values():
        properties = resource["Properties"]
        attached = {"Ref": role} in properties.get("Roles", [])
        if attached or {"Ref": "AuditorPolicy"} in resources[role]["Properties"].get("ManagedPolicyArns", []):
            if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
                documents.append(properties["PolicyDocument"])
    for document in documents:
        for statement in statements(document):
            if statement["Effect"] == "Allow":
                action = statement["Action"]
                for one in [action] if isinstance(action, str) else action:
                    yield from one["Fn::If"][1:] if isinstance(one, dict) else [one]


ROLES = [
    (file, name) for file in TEMPLATES for name, resource in load(file)["Resources"].items() if resource["Type"] == "AWS::IAM::Role"
]


@pytest.mark.parametrize(("file", "role"), ROLES)
def test_every_role_and_all_it_may_do_is_documented(file, role):
    text = page("security.md")
    row = re.search(rf"^\| `{role}` \|.*$", text, re.MULTILINE)
    assert row, f"docs/security.md does not have {role}"
    told = set(re.findall(r"\b([a-z0-9]+:[A-Z]\w+)", row[0]))
    may = set(actions(load(file), role))
    assert may, role
    everywhere = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    assert everywhere <= set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", text))
    assert may - everywhere == told


def test_the_session_policy_that_is_shown_is_the_one_that_is_sent():
    source = (ROOT / "functions" / "src" / "nightly_run" / "collect_report.rs").read_text()
    policy = re.search(r'SESSION_POLICY: &str = r#"(.*?)"#', source)[1]
    assert f"```json\n{policy}\n```" in page("security.md")


def test_every_attack_on_the_evidence_has_its_test():
    attacks = page("security.md").split("\n## Attacks on the evidence\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| .* \|$", attacks, re.MULTILINE)[1:]
    crates = [ROOT / crate for crate in ("core", "functions", "cli", "simulation")]
    sources = "".join(source.read_text() for crate in crates for source in crate.rglob("*.rs"))
    end_to_end = "".join(source.read_text() for source in (ROOT / "tests" / "end_to_end").glob("test_*.py"))
    assert rows
    for row in rows:
        [test] = re.findall(r"\| `(\w+)` \|$", row)
        in_rust = re.search(rf"#\[(tokio::)?test\]\s+(async )?fn {test}\(", sources)
        assert in_rust or f"\ndef {test}(" in end_to_end, test


@pytest.mark.parametrize("name", PAGES)
def test_json_in_the_pages_is_json(name):
    for block in re.findall(r"^```json\n(.*?)^```", page(name), re.DOTALL | re.MULTILINE):
        json.loads(block)


@pytest.mark.parametrize("file", ["README.md", "CHANGELOG.md", *(f"docs/{page.name}" for page in sorted(DOCS.glob("*.md")))])
def test_the_prose_is_plain(file):
    """Outside of code and of what the product says itself, which the runbook quotes."""
    text = re.sub(r"`[^`]*`|^> .*$", "", prose((ROOT / file).read_text()), flags=re.MULTILINE)
    odd = r"\b(?:somebody|nobody|anybody|whoever|of whom)\b|, for (?:it|they|this|these|there|then|that|such)\b"
    assert re.findall(rf".*(?:{odd}).*", text, re.IGNORECASE) == []
