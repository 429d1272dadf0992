"""What CloudFormation deploys of Athena: MiniStack has the saved queries, and not their resource type."""

import json

from ministack.services import athena
from ministack.services.cloudformation import provisioners

PROPERTIES = {"Name", "Description", "Database", "QueryString", "WorkGroup"}


def _create(logical_id, properties, stack_name):
    unknown = set(properties) - PROPERTIES
    if unknown or not {"Database", "QueryString"} <= set(properties):
        raise ValueError(f"{logical_id} is not an AWS::Athena::NamedQuery: {sorted(properties)}")
    _, _, body = athena._create_named_query(properties)
    query_id = json.loads(body)["NamedQueryId"]
    return query_id, {"NamedQueryId": query_id}


def _delete(query_id, properties):
    athena._delete_named_query({"NamedQueryId": query_id})


def close():
    provisioners._RESOURCE_HANDLERS["AWS::Athena::NamedQuery"] = {"create": _create, "delete": _delete}
