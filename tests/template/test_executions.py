"""What becomes of a night, by the definition alone: its expressions are evaluated by JSONata's reference
implementation, over what the functions and AWS answer and over what they might."""

import json
import re

import jsonata
import pytest
from executions import CONTEXT, Execution, Failure
from state_machines import NIGHTLY_RUN, STATE_MACHINES
from templates import ROOT, strings
from test_documentation_pages import sections, variants

RUN = {"execution": "night", "execution_arn": CONTEXT["Execution"]["Id"], "started": "2026-01-31T01:00:00Z"}
ROLL = {"run": RUN, "date": "2026-01-31", "to_collect_key": "2026-01-31/to-collect/night-1.json", "accounts": 2}
ITEMS = [
    {"account_id": account, "listed_by": "organizations", "execution": "night", "date": "2026-01-31", "waits": 0}
    for account in ("111122223333", "444455556666")
]
BUSY = Failure("Lambda.TooManyRequestsException", "Rate Exceeded.")
HOURS = 3600


@pytest.fixture(scope="module")
def evaluator():
    evaluator = jsonata.Evaluator()
    yield evaluator
    evaluator.close()


def raises(failure):
    def task(arguments):
        raise failure

    return task


def of_account(answers):
    """A collector that gives each call of an account the next answer, and the last for ever."""
    calls = {}

    def collect(arguments):
        payload = arguments["Payload"]
        account = payload["account_id"]
        calls[account] = calls.get(account, 0) + 1
        answer = answers[min(calls[account], len(answers)) - 1]
        if isinstance(answer, Failure):
            raise answer
        return {"Payload": answer(payload) if callable(answer) else answer}

    return collect


@pytest.fixture
def night(evaluator):
    """A night in which nothing goes wrong, but for the tasks that are given."""

    def night(**tasks):
        collect = of_account([{"status": "Collected"}])
        well = {
            "ListAccounts": lambda arguments: {"Payload": ROLL},
            "CollectReports.read": lambda arguments: ITEMS,
            "CollectReport": collect,
            "RecordFailure": of_account([{"status": "Failed", "code": "Internal"}]),
            "CollectReports.write": lambda arguments: None,
            "AnalyzeReports": lambda arguments: {"Payload": {"coverage": 100}},
            "Notify": lambda arguments: {"Payload": {"messages": 1}},
            "ReportBrokenRun": lambda arguments: {"MessageId": "1"},
        }
        return Execution(NIGHTLY_RUN, evaluator, well | {name.replace("_", "."): task for name, task in tasks.items()})

    return night


def message(night, step, failure):
    """The message about a step that broke, and the error that the execution ends with."""
    said = []
    execution = night(**{step: raises(failure), "ReportBrokenRun": said.append})
    with pytest.raises(Failure) as ended:
        execution.run({})
    assert said, f"no message: {execution.passed}"
    return said[-1], ended.value


@pytest.mark.parametrize("machine", STATE_MACHINES, ids=str)
def test_every_expression_is_one_and_has_no_raw_line_break(machine, evaluator):
    expressions = [text for text in strings(machine.definition) if text.startswith("{%")]
    assert len(expressions) > 10
    for text in expressions:
        # Step Functions' own parser need not take one inside a string.
        assert text.isprintable(), text
        expression = re.sub(r"\$\{\w+\}", "1", text[2:-2])
        try:
            evaluator.expression(expression, {"context": CONTEXT})
        except jsonata.QueryEvaluationError as error:
            # There is no input to find anything in; but it parses.
            assert not error.code.startswith("S"), error


def test_a_night_hands_on_what_each_step_needs(night):
    given = {}

    def keep(name, answer):
        def task(arguments):
            given.setdefault(name, []).append(arguments)
            return answer

        return task

    def collect(arguments):
        given.setdefault("CollectReport", []).append(arguments)
        return {"Payload": {"status": "Collected"}}

    execution = night(
        ListAccounts=keep("ListAccounts", {"Payload": ROLL}),
        CollectReports_read=keep("read", ITEMS),
        CollectReport=collect,
        CollectReports_write=keep("write", None),
        AnalyzeReports=keep("AnalyzeReports", {"Payload": {"coverage": 100}}),
        Notify=keep("Notify", {"Payload": {"messages": 1}}),
    )
    output = execution.run({"asOf": "2026-01-30"})
    assert output == {**ROLL, "coverage": 100, "messages": 1}
    assert given["ListAccounts"] == [
        {
            "FunctionName": "ListAccountsFunctionArn",
            "Payload": {
                "execution": "night",
                "execution_arn": CONTEXT["Execution"]["Id"],
                "started": "2026-01-31T01:00:00.000Z",
                "input": {"asOf": "2026-01-30"},
            },
        }
    ]
    assert given["read"] == [{"Bucket": "WorkBucketName", "Key": "2026-01-31/to-collect/night-1.json"}]
    assert [call["Payload"] for call in given["CollectReport"]] == [{**item, "max_waits": 45} for item in ITEMS]
    assert given["write"] == [{"Bucket": "WorkBucketName", "Prefix": "2026-01-31/map-results"}]
    for step in ("AnalyzeReports", "Notify"):
        assert given[step] == [{"FunctionName": f"{step}FunctionArn", "Payload": {"run": RUN}}]
    assert execution.children == [["CollectReport", "ReportReady?", "AccountDone"]] * 2


def test_a_pending_report_is_asked_for_after_each_wait(night):
    waits = []

    def pending(payload):
        waits.append(payload["waits"])
        return {"status": "Pending", "reason": "Started"}

    night(CollectReport=of_account([pending, pending, {"status": "Collected"}])).run({})
    assert waits == [0, 1, 0, 1]


def test_a_collector_that_is_pending_for_ever_is_stopped_and_recorded(night):
    recorded = []
    execution = night(
        CollectReport=of_account([{"status": "Pending", "reason": "Started"}]),
        RecordFailure=lambda arguments: recorded.append(arguments["Payload"]) or {"Payload": {"status": "Failed"}},
    )
    execution.run({})
    for passed in execution.children:
        assert passed.count("WaitOneMinute") == 45
        assert passed[-3:] == ["ReportReady?", "RecordFailure", "AccountDone"]
    assert [payload["waits"] for payload in recorded] == [45, 45]
    assert {payload["lambda_error"]["Error"] for payload in recorded} == {"TooManyWaits"}


def test_the_definition_stops_after_as_many_waits_as_it_tells_the_collector():
    (told,) = re.findall(r"'max_waits': (\d+)", NIGHTLY_RUN.states["CollectReport"]["Arguments"]["Payload"])
    (bound,) = re.findall(r"waits < (\d+)", NIGHTLY_RUN.states["ReportReady?"]["Choices"][0]["Condition"])
    assert told == bound


def test_a_collector_that_breaks_is_recorded_with_its_error_and_the_other_accounts_are_not_touched(night):
    recorded = []

    def collect(arguments):
        if arguments["Payload"]["account_id"] == ITEMS[0]["account_id"]:
            raise Failure("Runtime.ExitError", "died")
        return {"Payload": {"status": "Collected"}}

    execution = night(
        CollectReport=collect,
        RecordFailure=lambda arguments: recorded.append(arguments["Payload"]) or {"Payload": {"status": "Failed"}},
    )
    execution.run({})
    (payload,) = recorded
    assert payload == {**ITEMS[0], "lambda_error": {"Error": "Runtime.ExitError", "Cause": "died"}}
    assert execution.children[1] == ["CollectReport", "ReportReady?", "AccountDone"]


def test_an_error_without_a_cause_is_recorded_too(night):
    recorded = []
    night(
        CollectReport=of_account([Failure("States.Timeout")]),
        RecordFailure=lambda arguments: recorded.append(arguments["Payload"]) or {"Payload": {"status": "Failed"}},
    ).run({})
    assert recorded[0]["lambda_error"] == {"Error": "States.Timeout"}


def test_an_account_that_can_not_even_be_recorded_ends_its_child_and_not_the_night(night):
    broken = Failure("Lambda.Unknown", "died")
    execution = night(CollectReport=of_account([broken]), RecordFailure=raises(broken))
    execution.run({})
    assert execution.children[0] == ["CollectReport", "RecordFailure"]
    assert execution.passed[-1] == "Notify"


def test_a_moment_of_s3_at_the_start_of_the_map_does_not_end_the_night(night):
    answers = [Failure("States.ItemReaderFailed", "SlowDown")] * 3

    def read(arguments):
        if answers:
            raise answers.pop()
        return ITEMS

    execution = night(CollectReports_read=read)
    execution.run({})
    assert execution.attempts["CollectReports.read"] == 4
    assert execution.passed[-1] == "Notify"


def test_results_that_can_not_be_written_do_not_keep_the_analysis_from_running(night):
    given = []
    execution = night(
        CollectReports_write=raises(Failure("States.ResultWriterFailed", "SlowDown")),
        AnalyzeReports=lambda arguments: given.append(arguments["Payload"]) or {"Payload": {"coverage": 100}},
    )
    execution.run({})
    assert given == [{"run": RUN}]
    assert execution.attempts["CollectReport"] == 2, "no account is collected again for it"


def delay(retrier):
    """How long a retrier goes on, on average: with full jitter a delay is half of what it may be."""
    interval, attempts = retrier["IntervalSeconds"], retrier["MaxAttempts"]
    delays = (min(interval * retrier["BackoffRate"] ** min(retry, 60), retrier["MaxDelaySeconds"]) for retry in range(attempts))
    assert retrier["JitterStrategy"] == "FULL"
    return sum(delays) / 2


def test_a_free_slot_of_lambda_is_waited_for_as_long_as_the_night_has_time(night):
    states, definition = NIGHTLY_RUN.states, NIGHTLY_RUN.definition
    retriers = [next(r for r in states[n]["Retry"] if BUSY.error in r["ErrorEquals"]) for n in ("CollectReport", "RecordFailure")]
    collecting, recording = map(delay, retriers)
    assert collecting > 18 * HOURS and recording > 1 * HOURS
    # What is left is for the waits, the roll, the analysis and the message.
    assert collecting + recording + 45 * 60 < definition["TimeoutSeconds"] - 0.2 * HOURS
    # A history holds 25,000 events, three for each attempt (Step Functions Developer Guide, Quotas).
    assert 3 * sum(retrier["MaxAttempts"] for retrier in retriers) < 20_000

    busy = [BUSY] * 1000
    execution = night(CollectReport=of_account([*busy, {"status": "Collected"}]))
    execution.run({})
    assert [passed[-1] for passed in execution.children] == ["AccountDone"] * 2
    assert execution.attempts["CollectReport"] == 2 * 1001
    execution = night(CollectReport=of_account([Failure("Lambda.Unknown")]), RecordFailure=of_account([*busy[:200], {"status": "Failed"}]))
    execution.run({})
    assert [passed[-2:] for passed in execution.children] == [["RecordFailure", "AccountDone"]] * 2


def cause(sentence, **more):
    return json.dumps({"errorType": "InvalidInput", "errorMessage": sentence, **more})


SENTENCES = [
    'the execution\'s input: "account" is unknown; it takes {"accounts": ["111122223333"]}',
    "a line\nand another\ttab",
    "back\\slash and /slash, \\u0041 and nächtlich 🔑 \x7f",
    "",
    "}",
    '"',
    "x" * 30_000,
]


@pytest.mark.parametrize("sentence", SENTENCES, ids=range(len(SENTENCES)))
@pytest.mark.parametrize("step", ["ListAccounts", "CollectReports.read", "AnalyzeReports", "Notify"])
def test_a_broken_step_is_told_with_its_sentence(night, step, sentence):
    said, ended = message(night, step, Failure("InvalidInput", cause(sentence)))
    name = step.removesuffix(".read")
    assert said["Subject"] == f"Rollcall 2026-01-31: the run failed at {name}"
    assert said["TopicArn"] == "ErrorTopicArn"
    shown = sentence or cause(sentence)
    assert said["Message"] == (
        f"The run failed at {name}.\n\nInvalidInput: {shown}\n\n"
        "Runbook   docs/runbook.md, InvalidInput\n"
        "Run       night\n"
        "Started   2026-01-31T01:00:00.000Z\n"
        "Execution https://Region.ConsoleDomain/states/home?region=Region"
        "#/v2/executions/details/arn:aws:states:eu-central-1:111122223333:execution:rollcall:night\n"
    )
    assert (ended.error, ended.output["Cause"]) == ("InvalidInput", cause(sentence))


def test_a_cause_that_is_cut_anywhere_costs_no_message(night, evaluator):
    whole = cause('says "no" \\ and \n nächtlich', stackTrace=["a", "b"])
    arguments = NIGHTLY_RUN.states["ReportBrokenRun"]["Arguments"]["Message"]
    for end in range(len(whole) + 1):
        broken = {"step": "ListAccounts", "error": {"Error": "InvalidInput", "Cause": whole[:end]}}
        said = evaluator.value(arguments, {"context": CONTEXT, "input": broken})
        assert said.startswith("The run failed at ListAccounts.\n\nInvalidInput: "), whole[:end]
        if '"errorMessage": "says' in whole[:end]:
            assert "InvalidInput: says" in said, whole[:end]


ODD_CAUSES = [
    None, "", "{", "{}", "null", "[1]", '{"errorMessage": null}', '{"errorMessage": 1}', '{"errorMessage": {"a": "b"}}',
    '{"errorMessage": "\\u12', '{"errorMessage": "a\\', '{"errorMessage": "raw\nline"}', "not JSON at all", "{% $eval('1') %}",
    "\x00\x01\u2028", "{" * 1000, '{"errorMessage":"no space"}',
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_CAUSES, ids=range(len(ODD_CAUSES)))
def test_an_odd_cause_costs_no_message(night, odd):
    said, ended = message(night, "AnalyzeReports", Failure("StorageFailed", odd))
    assert said["Message"].startswith("The run failed at AnalyzeReports.\n\nStorageFailed: ")
    assert ended.output["Cause"] == (odd or "")


# What a step may end with that is no error of ours: of Step Functions, of Lambda, and a panic of the runtime.
OF_AWS = [
    "States.Timeout", "States.QueryEvaluationError", "States.ItemReaderFailed", "States.Permissions", "Lambda.Unknown",
    "Lambda.TooManyRequestsException", "Runtime.OutOfMemory", "Sandbox.Timedout", "Function.ResponseSizeTooLarge",
    "alloc::boxed::Box<dyn core::any::Any + core::marker::Send>", "&str",
]  # fmt: skip


@pytest.mark.parametrize("error", [*variants("functions/src/step_error.rs", "StepErrorName"), *OF_AWS])
def test_a_broken_run_names_an_entry_of_the_runbook_and_no_name_that_a_fail_state_may_not_have(night, error):
    said, ended = message(night, "AnalyzeReports", Failure(error, "why"))
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    entry = re.search(r"^Runbook   docs/runbook\.md, (.+)$", said["Message"], re.MULTILINE)[1]
    assert entry in {**sections(runbook, "When a step breaks"), **sections(runbook, "Other messages")}
    assert f"{error}: why" in said["Message"]
    assert ended.error == error.replace("States.", "StepFunctions.")


def test_a_message_that_can_not_be_sent_does_not_hide_what_broke(night):
    refused = raises(Failure("SNS.KmsDisabledException", "the key is disabled"))
    execution = night(AnalyzeReports=raises(Failure("StorageFailed", "why")), ReportBrokenRun=refused)
    with pytest.raises(Failure) as ended:
        execution.run({})
    assert ended.value.output == {"Error": "StorageFailed", "Cause": "why"}
    assert execution.attempts["ReportBrokenRun"] == 7
