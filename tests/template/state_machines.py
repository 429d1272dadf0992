"""The state machines that the templates deploy, each with its definition."""

import json
from dataclasses import dataclass
from pathlib import Path

from templates import ROOT, TEMPLATES, load


@dataclass(frozen=True)
class StateMachine:
    """A state machine: the template and resource that deploy it, and the file of its definition."""

    template: str
    resource: str
    file: Path

    def __str__(self):
        return self.resource

    @property
    def text(self):
        return self.file.read_text()

    @property
    def definition(self):
        return json.loads(self.text)

    @property
    def properties(self):
        return load(self.template)["Resources"][self.resource]["Properties"]

    @property
    def states(self):
        return dict(states(self.definition))

    @property
    def functions(self):
        """The states that invoke a function, each with what is substituted for the function's ARN."""
        return {
            name: state["Arguments"]["FunctionName"].strip("${}")
            for name, state in self.states.items()
            if state["Type"] == "Task" and "FunctionName" in state["Arguments"]
        }


def states(definition):
    """Every state of a definition and of the maps in it."""
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def _all():
    for template in TEMPLATES:
        for name, resource in load(template)["Resources"].items():
            if resource["Type"] == "AWS::StepFunctions::StateMachine":
                # As `sam build` reads it: relative to the template.
                place = (ROOT / template).parent / resource["Properties"]["DefinitionS3Location"]
                yield StateMachine(template, name, place.resolve())


STATE_MACHINES = list(_all())
NIGHTLY_RUN = next(machine for machine in STATE_MACHINES if machine.resource == "NightlyRun")
