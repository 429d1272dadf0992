"""MiniStack, with five things that it leaves out and Rollcall needs.

Run as a module, it is MiniStack: everything is configured by MiniStack's own environment variables.
The gaps are those of MiniStack 1.5.33; each is closed to what AWS documents:

- A Distributed Map evaluates JSONata in its ItemReader's Arguments, in MaxConcurrency and in Output.
- `aws:PrincipalArn` of a role's session is the ARN of the role, not that of the session.
- `organizations:DescribeAccount` is a call on the account it asks about.
- An execution's start can be chosen, so that something can be shown about midnight: one whose name
  ends in `-started-20260131T235930Z` is said to have started then.
- An alarm on an expression over one metric is deployed, as one on that metric: nothing here evaluates it.
"""

import json
import os
import re
import signal
import sys
import threading
from datetime import datetime

import ministack.app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import organizations, stepfunctions
from ministack.services.cloudformation import provisioners

run_distributed_map = stepfunctions._run_distributed_map
now_iso = stepfunctions.now_iso
start_execution = stepfunctions._start_execution
extract_resource_arn = iam_actions.extract_resource_arn
resolve_condition_key = iam_evaluator._resolve_condition_key
metric_alarm_record = provisioners._cw_metric_alarm_record


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


def _resolve_condition_key(key, context):
    value = resolve_condition_key(key, context)
    if key.lower() == "aws:principalarn" and isinstance(value, str):
        return re.sub(r"^arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.*$", r"arn:\1:iam::\2:role/\3", value)
    return value


def _extract_resource_arn(service, method, path, headers, body, *arguments, **named):
    arn = extract_resource_arn(service, method, path, headers, body, *arguments, **named)
    if service == "organizations" and (headers.get("x-amz-target") or "").endswith(".DescribeAccount"):
        organization = organizations._orgs.get("self") or {"Id": "none"}
        account_id = json.loads(body).get("AccountId")
        return arn.replace("organization/*", f"account/{organization['Id']}/{account_id}")
    return arn


def _metric_alarm_record(name, properties):
    (stat,) = [metric["MetricStat"] for metric in properties.get("Metrics", []) if "MetricStat" in metric] or [None]
    if stat:
        rest = {key: value for key, value in properties.items() if key != "Metrics"}
        properties = {**rest, **stat["Metric"], "Period": stat["Period"], "Statistic": stat["Stat"]}
    return metric_alarm_record(name, properties)


def _stop_with_the_parent():
    """Ends when standard input does, which is when whoever started this is gone, however it ended."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    threading.Thread(target=_stop_with_the_parent, daemon=True).start()
    iam_actions.extract_resource_arn = _extract_resource_arn
    iam_evaluator._resolve_condition_key = _resolve_condition_key
    stepfunctions._run_distributed_map = _run_distributed_map
    stepfunctions._start_execution = _start_execution
    provisioners._cw_metric_alarm_record = _metric_alarm_record
    ministack.app.main()


if __name__ == "__main__":
    main()
