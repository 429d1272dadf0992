"""Executions of a definition whose tasks are the test's own: what flows from state to state, and where
errors go. Every expression is evaluated by JSONata's reference implementation; retries and waits take no
time."""

import json
import re

import jsonata

CONTEXT = {
    "Execution": {
        "Id": "arn:aws:states:eu-central-1:111122223333:execution:rollcall:night",
        "Name": "night",
        "StartTime": "2026-01-31T01:00:00.000Z",
        "Input": {},
    }
}
# What Step Functions neither retries nor catches by States.ALL.
FINAL = {"States.DataLimitExceeded", "States.Runtime"}


class Failure(Exception):
    """An error of a state: its name and its cause, which there need not be."""

    def __init__(self, error, cause=None):
        super().__init__(error)
        self.error = error
        self.output = {"Error": error} if cause is None else {"Error": error, "Cause": cause}


class Execution:
    """`tasks` has for each Task state, and for the reading (`NAME.read`) and the writing (`NAME.write`) of a
    distributed map, a function from arguments to result, which may raise a Failure; `attempts` counts the calls."""

    def __init__(self, machine, evaluator, tasks, **substitutions):
        self.evaluator, self.tasks = evaluator, tasks
        self.attempts, self.passed, self.children = {}, [], []
        given = {name: name for name in machine.properties["DefinitionSubstitutions"]} | {"MaxConcurrency": 100} | substitutions
        self.definition = json.loads(re.sub(r"\$\{(\w+)\}", lambda found: str(given[found[1]]), machine.text))

    def run(self, input):
        """The output. A Fail state raises its own error."""
        return self._run(self.definition, input, self.passed)

    def _run(self, machine, input, passed):
        name = machine["StartAt"]
        while name:
            passed.append(name)
            assert len(passed) < 1000, f"it goes round and round: {passed[-6:]}"
            state = machine["States"][name]
            try:
                input, name = self._state(name, state, input)
            except (Failure, jsonata.QueryEvaluationError) as error:
                failure = error if isinstance(error, Failure) else Failure("States.QueryEvaluationError", str(error))
                input, name = self._caught(state, input, failure)
        return input

    def _caught(self, state, input, failure):
        for catcher in state.get("Catch", []):
            if covers(catcher, failure):
                return self._output(catcher, input, errorOutput=failure.output), catcher["Next"]
        raise failure

    def _state(self, name, state, input):
        match state["Type"]:
            case "Task":
                arguments = self._value(state["Arguments"], input)
                return self._output(state, input, result=self._attempt(name, state, arguments)), state.get("Next")
            case "Map":
                return self._output(state, input, result=self._map(name, state, input)), state.get("Next")
            case "Choice":
                for rule in state["Choices"]:
                    if self._value(rule["Condition"], input):
                        return self._output(rule, input), rule["Next"]
                return input, state["Default"]
            case "Wait" | "Pass":
                return self._output(state, input), state.get("Next")
            case "Fail":
                error = self._value({"Error": state["Error"], "Cause": state["Cause"]}, input)
                assert not error["Error"].startswith("States."), "Step Functions takes no such name of a Fail state"
                raise Failure(error["Error"], error["Cause"])

    def _map(self, name, state, input):
        reading = self._value(state["ItemReader"]["Arguments"], input)
        self._value(state["MaxConcurrency"], input)
        answers = []
        for item in self._attempt(f"{name}.read", state, reading):
            passed = []
            self.children.append(passed)
            try:
                answers.append(self._run(state["ItemProcessor"], item, passed))
            except Failure as failure:
                answers.append(failure.output)
        writing = self._value(state["ResultWriter"]["Arguments"], input)
        self._attempt(f"{name}.write", state, writing)
        return answers

    def _attempt(self, name, state, arguments):
        retried = {}
        while True:
            self.attempts[name] = self.attempts.get(name, 0) + 1
            try:
                return self.tasks[name](arguments)
            except Failure as failure:
                index = next((i for i, retrier in enumerate(state.get("Retry", [])) if covers(retrier, failure)), None)
                if index is None or retried.get(index, 0) >= state["Retry"][index]["MaxAttempts"]:
                    raise
                retried[index] = retried.get(index, 0) + 1

    def _value(self, template, input, **more):
        return self.evaluator.value(template, {"context": CONTEXT, "input": input, **more})

    def _output(self, state, input, **more):
        if "Output" not in state:
            return more.get("result", input)
        return self._value(state["Output"], input, **more)


def covers(rule, failure):
    """Whether a retrier or a catcher is for an error."""
    return failure.error in rule["ErrorEquals"] or (rule["ErrorEquals"] == ["States.ALL"] and failure.error not in FINAL)
