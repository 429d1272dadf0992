"""Properties of what CloudFormation deploys."""

import botocore.session
from botocore.serialize import create_serializer
from ministack.services import s3, sns, stepfunctions
from ministack.services.cloudformation import provisioners

metric_alarm_record = provisioners._cw_metric_alarm_record
apply_configurations = provisioners._s3_apply_configurations


def _metric_alarm_record(name, properties):
    (stat,) = [metric["MetricStat"] for metric in properties.get("Metrics", []) if "MetricStat" in metric] or [None]
    if stat:
        rest = {key: value for key, value in properties.items() if key != "Metrics"}
        properties = {**rest, **stat["Metric"], "Period": stat["Period"], "Statistic": stat["Stat"]}
    return metric_alarm_record(name, properties)


def _encryption(value):
    return {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                "BucketKeyEnabled": provisioners._cfn_bool(rule.get("BucketKeyEnabled", False)),
            }
            for rule in value["ServerSideEncryptionConfiguration"]
        ]
    }


def _lifecycle(value):
    return {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}


def _lifecycle_rule(rule):
    same = ("Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    expiration = {
        name: rule[prop]
        for prop, name in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if prop in rule
    }
    return {
        **{name: rule[name] for name in same if name in rule},
        **({"ID": rule["Id"]} if "Id" in rule else {}),
        **({"Expiration": expiration} if expiration else {}),
        "Filter": {"Prefix": rule.get("Prefix", "")},
        "Transitions": [
            {"Days": transition["TransitionInDays"], "StorageClass": transition["StorageClass"]}
            for transition in rule.get("Transitions", [])
        ],
        "NoncurrentVersionTransitions": [
            {"NoncurrentDays": transition["TransitionInDays"], "StorageClass": transition["StorageClass"]}
            for transition in rule.get("NoncurrentVersionTransitions", [])
        ],
    }


def _logging(value):
    target = {"TargetBucket": value["DestinationBucketName"], "TargetPrefix": value.get("LogFilePrefix", "")}
    return {"LoggingEnabled": target}


# By property of a bucket: the call that sets it and its parameter, what S3 is told, and the call's handlers.
CONFIGURATIONS = {
    "BucketEncryption": (
        "PutBucketEncryption",
        "ServerSideEncryptionConfiguration",
        _encryption,
        s3._put_bucket_encryption,
        s3._delete_bucket_encryption,
    ),
    "LifecycleConfiguration": (
        "PutBucketLifecycleConfiguration",
        "LifecycleConfiguration",
        _lifecycle,
        s3._put_bucket_lifecycle,
        s3._delete_bucket_lifecycle,
    ),
    "LoggingConfiguration": (
        "PutBucketLogging",
        "BucketLoggingStatus",
        _logging,
        s3._put_bucket_logging,
        lambda bucket: s3._bucket_logging_config.pop(bucket, None),
    ),
    "ObjectLockConfiguration": (
        "PutObjectLockConfiguration",
        "ObjectLockConfiguration",
        lambda value: value,
        s3._put_object_lock_configuration,
        lambda bucket: None,
    ),
}


def _apply_configurations(bucket, properties, old_properties=None):
    apply_configurations(bucket, properties, old_properties)
    if provisioners._cfn_bool(properties.get("ObjectLockEnabled", False)):
        s3._bucket_versioning[bucket] = "Enabled"
        s3._bucket_object_lock.setdefault(bucket, {"enabled": True, "default_retention": None})
    for name, (operation, parameter, told, put, delete) in CONFIGURATIONS.items():
        if name in properties:
            status, _, answer = put(bucket, _body(operation, Bucket=bucket, **{parameter: told(properties[name])}))
            if status >= 400:
                raise ValueError(f"{name}: {answer.decode()}")
        elif name in (old_properties or {}):
            delete(bucket)


def _numbers(value):
    """Days as numbers: CloudFormation takes a parameter's text for one."""
    if isinstance(value, dict):
        return {
            name: int(item) if name.endswith("Days") and isinstance(item, str) else _numbers(item)
            for name, item in value.items()
        }
    return [_numbers(item) for item in value] if isinstance(value, list) else value


def _body(operation, **parameters):
    """The XML that a client sends to S3."""
    model = botocore.session.get_session().get_service_model("s3").operation_model(operation)
    return create_serializer("rest-xml").serialize_to_request(_numbers(parameters), model)["body"]


def _topic(arn, properties):
    attributes = sns._topics[arn]["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if "KmsMasterKeyId" in properties:
        attributes["KmsMasterKeyId"] = properties["KmsMasterKeyId"]


def _state_machine(arn, properties):
    record = stepfunctions._state_machines[arn]
    record["loggingConfiguration"] = stepfunctions._pascal_to_camel(record["loggingConfiguration"])
    record["tracingConfiguration"] = {
        "enabled": provisioners._cfn_bool(properties.get("TracingConfiguration", {}).get("Enabled", False))
    }


def _and_then(provision, finish, position):
    """Provisions a resource and sets what was left out, by the properties at `position` of the arguments."""

    def provision_all(*arguments, **named):
        physical_id, attributes = provision(*arguments, **named)
        finish(physical_id, arguments[position])
        return physical_id, attributes

    return provision_all


def close():
    provisioners._cw_metric_alarm_record = _metric_alarm_record
    provisioners._s3_apply_configurations = _apply_configurations
    for resource, finish in (("AWS::SNS::Topic", _topic), ("AWS::StepFunctions::StateMachine", _state_machine)):
        handlers = provisioners._RESOURCE_HANDLERS[resource]
        handlers["create"] = _and_then(handlers["create"], finish, 1)
        handlers["update"] = _and_then(handlers["update"], finish, 2)
