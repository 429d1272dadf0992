"""What CloudFormation deploys."""

from ministack.services.cloudformation import provisioners

metric_alarm_record = provisioners._cw_metric_alarm_record


def _metric_alarm_record(name, properties):
    (stat,) = [metric["MetricStat"] for metric in properties.get("Metrics", []) if "MetricStat" in metric] or [None]
    if stat:
        rest = {key: value for key, value in properties.items() if key != "Metrics"}
        properties = {**rest, **stat["Metric"], "Period": stat["Period"], "Statistic": stat["Stat"]}
    return metric_alarm_record(name, properties)


def close():
    provisioners._cw_metric_alarm_record = _metric_alarm_record
