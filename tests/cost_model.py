"""What a deployment costs a month, as the table of docs/cost.md has it:

    python tests/cost_model.py

How many states an account passes, and how large the functions are, is read from the definition and
from the template. The assumptions are below, each with its reason. Free tiers, taxes and discounts are
not included.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

ACCOUNTS = [10, 100, 1_000, 10_000]
NIGHTS = 365 / 12

# US dollars, on demand, in us-east-1, as they were known in November 2026. The pages have today's.
PRICES = {
    # aws.amazon.com/step-functions/pricing: Standard Workflows.
    "a state transition": 0.025 / 1_000,
    # aws.amazon.com/lambda/pricing: Arm.
    "a GB-second": 0.0000133334,
    "a Lambda request": 0.20 / 1_000_000,
    # aws.amazon.com/s3/pricing: S3 Standard.
    "a PUT or LIST": 0.005 / 1_000,
    "a GET": 0.0004 / 1_000,
    "a GB of S3 a month": 0.023,
    # aws.amazon.com/kms/pricing: a key before its first rotation; 1 more after each of the first two.
    "a key a month": 1.00,
    "a KMS request": 0.03 / 10_000,
    # aws.amazon.com/cloudwatch/pricing.
    "a GB of logs taken in": 0.50,
    "a GB of logs a month": 0.03,
    "a metric a month": 0.30,
    "an alarm a month": 0.10,
    "a dashboard a month": 3.00,
    # aws.amazon.com/sns/pricing: email.
    "an email": 2.00 / 100_000,
}

# How long one call of the collector takes: a role, two calls that start a report, two seconds of
# pause (POLL_PAUSE), one call that gets it, one that stores it. A live report of 51 users was ready
# in about 2 seconds. Not measured on AWS.
COLLECT_SECONDS = 3.0
# Of a hundred accounts, this many are not ready after PollSeconds and wait one minute once; such a
# call polls all its time.
WAITING_IN_A_HUNDRED = 5
POLL_SECONDS = 8.0
# The other steps: seconds they take anyhow, and for each account. AnalyzeReports took 7 to 9 seconds for
# 10,000 reports in docs/performance.md, on a local S3; Organizations gives 20 accounts an answer.
FIXED_SECONDS = {"ListAccounts": 1.0, "AnalyzeReports": 1.0, "Notify": 1.0}
ACCOUNT_SECONDS = {"ListAccounts": 0.02, "AnalyzeReports": 0.001, "Notify": 0.0001}
# 50 users an account: a report of 11 KB (113 MB of 10,000, in docs/performance.md), and 5 KB of its
# share of accounts.json, run.json, findings, page and tables.
STORED_KB = 16
# A year of nights is kept, and a year of logs (LogRetentionDays).
KEPT_MONTHS = 12
# What a call of a function logs: a line of its own, and the two or three of Lambda.
LOGGED_KB = 1.2
# S3 bucket keys "reduce requests to KMS by up to 99 percent".
OBJECTS_A_KMS_REQUEST = 100
# accounts.json, the items, findings twice, page, two for tables, exemptions, manifest, the lock twice, the map's
# results; and lists.
OTHER_OBJECTS = 17
EMAILS = 2
# What the alarms read. The dashboard, and the metrics that only it shows, are not made unless asked for.
METRICS = 2
METRICS_OF_THE_DASHBOARD = 11
# A metric is paid by the hour in which it is sent: once a night.
METRIC_HOURS_A_MONTH, HOURS_A_MONTH = NIGHTS, 730
ALARMS = 2
KEYS = 2


def passed_states(machine, answers):
    """The states from the start to the end of `machine`, by the answers to its questions."""
    name = machine["StartAt"]
    passed = []
    while name:
        passed.append(name)
        state = machine["States"][name]
        if state["Type"] == "Choice":
            name = state["Choices"][0]["Next"] if answers.pop(0) else state["Default"]
        else:
            name = state.get("Next")
    return passed


def definition():
    return json.loads((ROOT / "statemachine" / "credential-reports.asl.json").read_text())


def transitions():
    """Of a run itself, of an account, and of one wait. A Distributed Map is charged one for each
    child it starts (docs.aws.amazon.com/step-functions: Transitions in Distributed Map state)."""
    machine = definition()
    child = machine["States"]["CollectReports"]["ItemProcessor"]
    at_once = len(passed_states(child, [False]))
    return len(passed_states(machine, [])), 1 + at_once, len(passed_states(child, [True, False])) - at_once


def gigabytes(step):
    """The memory of a step's function."""
    resource = (ROOT / "template.yml").read_text().split(f"\n  {step}Function:\n")[1]
    return int(re.search(r"^      MemorySize: (\d+)$", resource, re.MULTILINE)[1]) / 1024


def monthly(accounts):
    """What each part costs a month."""
    waits = accounts * WAITING_IN_A_HUNDRED / 100
    of_run, of_account, of_wait = transitions()
    gb_seconds = gigabytes("CollectReport") * (accounts * COLLECT_SECONDS + waits * POLL_SECONDS)
    for step, seconds in FIXED_SECONDS.items():
        gb_seconds += gigabytes(step) * (seconds + accounts * ACCOUNT_SECONDS[step])
    calls = accounts + waits + len(FIXED_SECONDS)
    written, read = accounts + OTHER_OBJECTS, accounts + OTHER_OBJECTS
    gb_stored = accounts * STORED_KB * NIGHTS * KEPT_MONTHS / 1e6
    gb_logged = calls * LOGGED_KB * NIGHTS / 1e6
    price = PRICES
    return {
        "Step Functions": NIGHTS * (of_run + accounts * of_account + waits * of_wait) * price["a state transition"],
        "Lambda": NIGHTS * (gb_seconds * price["a GB-second"] + calls * price["a Lambda request"]),
        "S3 requests": NIGHTS * (written * price["a PUT or LIST"] + read * price["a GET"]),
        "S3, a year kept": gb_stored * price["a GB of S3 a month"],
        "KMS": KEYS * price["a key a month"]
        + NIGHTS * (written + read) / OBJECTS_A_KMS_REQUEST * price["a KMS request"],
        "logs": gb_logged * (price["a GB of logs taken in"] + KEPT_MONTHS * price["a GB of logs a month"]),
        "alarms, metrics": ALARMS * price["an alarm a month"] + METRICS * metric_a_month(),
        "SNS": NIGHTS * EMAILS * price["an email"],
    }


def metric_a_month():
    return PRICES["a metric a month"] * METRIC_HOURS_A_MONTH / HOURS_A_MONTH


def dashboard_a_month():
    """What ShowDashboard adds."""
    return PRICES["a dashboard a month"] + METRICS_OF_THE_DASHBOARD * metric_a_month()


def table():
    """The table in Markdown: a row for each size, in US dollars a month."""
    parts = list(monthly(1))
    rows = [["accounts", *parts, "a month", "a night"]]
    for accounts in ACCOUNTS:
        cost = monthly(accounts)
        total = sum(cost.values())
        rows.append([f"{accounts:,}", *(f"{cost[part]:.2f}" for part in parts), f"{total:.2f}", f"{total / NIGHTS:.2f}"])
    rows.insert(1, ["---:"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


if __name__ == "__main__":
    print(table(), end="")
