"""Distributed Maps in JSONata, and executions whose start is chosen."""

import re
from datetime import datetime

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


def close():
    stepfunctions._run_distributed_map = _run_distributed_map
    stepfunctions._start_execution = _start_execution
