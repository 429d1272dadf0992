"""MiniStack, with what its Step Functions leave out of a JSONata definition.

Run as a module, it is MiniStack: everything is configured by MiniStack's own environment variables.

Two gaps are closed, both seen in MiniStack 1.5.33. A Distributed Map does not evaluate JSONata in
its ItemReader's Arguments, in MaxConcurrency, or in Output, all of which AWS documents. And an
execution's start can't be chosen, so that nothing can be shown about midnight: an execution whose
name ends in `-started-20260131T235930Z` is said to have started then.
"""

import re
from datetime import datetime

import ministack.app
from ministack.services import stepfunctions

run_distributed_map = stepfunctions._run_distributed_map
now_iso = stepfunctions.now_iso
start_execution = stepfunctions._start_execution


def _run_distributed_map(state, raw_input, effective, iterator, execution, context):
    if stepfunctions._state_query_language(state, context) != "JSONata":
        return run_distributed_map(state, raw_input, effective, iterator, execution, context)

    def evaluate(template):
        return stepfunctions._apply_jsonata_template(template, raw_input, context)

    state = dict(state)
    if "MaxConcurrency" in state:
        state["MaxConcurrency"] = evaluate(state["MaxConcurrency"])
    if "ItemReader" in state:
        state["ItemReader"] = dict(state["ItemReader"], Arguments=evaluate(state["ItemReader"]["Arguments"]))
    result, next_state = run_distributed_map(state, raw_input, effective, iterator, execution, context)
    output = stepfunctions._apply_jsonata_output(state, raw_input, context, result=result, default=result)
    return output, next_state


def _start_execution(data):
    started = re.search(r"-started-(\d{8}T\d{6})Z$", data.get("name") or "")
    if not started:
        return start_execution(data)
    chosen = datetime.strptime(started[1], "%Y%m%dT%H%M%S").strftime("%Y-%m-%dT%H:%M:%S.000Z")
    stepfunctions.now_iso = lambda: chosen
    try:
        return start_execution(data)
    finally:
        stepfunctions.now_iso = now_iso


def main():
    stepfunctions._run_distributed_map = _run_distributed_map
    stepfunctions._start_execution = _start_execution
    ministack.app.main()


if __name__ == "__main__":
    main()
