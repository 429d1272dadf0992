"""The state machines' definitions: that they are sound, fit the template that deploys them, and hold what
the design asks of them."""

import json
import re
import subprocess

import pytest
from state_machines import NIGHTLY_RUN, STATE_MACHINES, states
from templates import ROOT, load, strings

every_state_machine = pytest.mark.parametrize("machine", STATE_MACHINES, ids=str)


def test_every_definition_is_deployed():
    assert {machine.file for machine in STATE_MACHINES} == set((ROOT / "statemachine").glob("*.asl.json"))


@every_state_machine
def test_every_substitution_of_the_definition_is_given_and_none_besides(machine):
    assert set(re.findall(r"\$\{(\w+)\}", machine.text)) == set(machine.properties["DefinitionSubstitutions"])


@every_state_machine
def test_every_state_says_what_it_is_for(machine):
    for name, state in machine.states.items():
        assert state.get("Comment"), name


# A failed RecordFailure fails its child execution, which AnalyzeReports finds.
ENDS_ITS_CHILD = {("NightlyRun", "RecordFailure")}


@every_state_machine
def test_every_task_retries_and_its_failure_goes_somewhere(machine):
    for name, state in machine.states.items():
        if state["Type"] == "Task":
            assert state.get("Retry"), name
            if (machine.resource, name) not in ENDS_ITS_CHILD:
                assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


@every_state_machine
def test_a_function_that_died_is_run_again_whatever_it_died_of(machine):
    # What Lambda calls it: Step Functions' guide and the names in AWS's runtime interface emulator.
    deaths = {"Lambda.Unknown", "Runtime.ExitError", "Runtime.OutOfMemory", "Runtime.Unknown"}
    deaths |= {"Sandbox.Failure", "Sandbox.Timedout", "Sandbox.Timeout"}
    assert machine.functions
    for name in machine.functions:
        retried = {error for retrier in machine.states[name]["Retry"] for error in retrier["ErrorEquals"]}
        assert retried >= deaths or "States.ALL" in retried, name


@every_state_machine
def test_a_step_has_one_stem_everywhere(machine):
    resources = load(machine.template)["Resources"]
    for arn in set(machine.functions.values()):
        step = re.fullmatch(r"(\w+)FunctionArn", arn)[1]
        assert machine.functions[step] == arn, f"{machine.resource} has no state {step}"
        binary = re.sub(r"(?<!^)(?=[A-Z])", "-", step).lower()
        assert resources[f"{step}Function"]["Metadata"]["BuildProperties"]["Binary"] == binary
        assert (ROOT / "functions" / "src" / "bin" / f"{binary}.rs").exists()
        module, sources = binary.replace("-", "_"), ROOT / "functions" / "src"
        files = {*sources.rglob(f"{module}.rs"), *sources.rglob(f"{module}/mod.rs")} - {sources / "bin" / f"{module}.rs"}
        assert len(files) == 1, module


@every_state_machine
def test_the_states_of_a_child_use_no_variable_of_the_parent(machine):
    """A Distributed Map's children can't see them, and the emulator's can."""
    for state in machine.states.values():
        if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            for name, child in states(state["ItemProcessor"]):
                for text in strings(child):
                    variables = set(re.findall(r"\$(\w+)", text)) - {"states", "merge"}
                    assert not variables, f"{name}: {variables}"


@every_state_machine
def test_the_definition_is_sound_by_cfn_lint(machine, tmp_path):
    text = machine.text.replace("arn:${Partition}", "arn:aws")
    # A number that comes from an expression is not in cfn-lint's schema, though it is in AWS's.
    text = text.replace('"{% ${MaxConcurrency} %}"', "100")
    properties = {
        "RoleArn": "arn:aws:iam::111122223333:role/rollcall",
        "Definition": json.loads(re.sub(r"\$\{(\w+)\}", r"value-of-\1", text)),
    }
    inline = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {machine.resource: {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}},
    }
    file = tmp_path / "definition.json"

    def lint():
        file.write_text(json.dumps(inline))
        lint = ROOT / ".tools" / "sam" / "bin" / "cfn-lint"
        return subprocess.run([lint, file], capture_output=True, text=True)

    good = lint()
    assert good.returncode == 0, good.stdout
    next(state for state in properties["Definition"]["States"].values() if state["Type"] == "Task").pop("Resource")
    assert lint().returncode != 0, "the check can fail"


@every_state_machine
def test_no_partition_is_written_down(machine):
    assert not re.search(r"arn:aws|amazonaws|aws\.amazon\.com", machine.text)


def test_the_map_is_distributed_and_tolerates_every_failed_child():
    collect = NIGHTLY_RUN.states["CollectReports"]
    assert collect["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert collect["ToleratedFailurePercentage"] == 100
    assert "ResultWriter" in collect, "without one a map of thousands passes the limit of a payload"


def test_a_child_waits_a_minute_at_a_time_and_45_times_at_most():
    states = NIGHTLY_RUN.states
    assert states["WaitOneMinute"]["Seconds"] == 60
    assert "'max_waits': 45" in states["CollectReport"]["Arguments"]["Payload"]
