"""Credential reports as AWS answers them and MiniStack does not, to script in the proxy."""

import base64
import re
from datetime import datetime, timedelta

from . import proxy
from .organization import MANAGEMENT

COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,"
    "cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def kept():
    """GetCredentialReport: AWS keeps a report for four hours, and serves it again and again; MiniStack
    makes another at every call, and says of the root user that it was created then."""
    first = {}

    def answer(request, forward):
        # The proxy does not know the keys of a function; that is in the management account.
        account_id = request.account or MANAGEMENT
        if account_id in first:
            return first[account_id]
        served = forward(request)
        if served.status == 200:
            first[account_id] = served
        return served

    return answer


def rewritten(change):
    """GetCredentialReport of which `change` makes another content."""

    def answer(request, forward):
        served = forward(request)
        if served.status != 200:
            return served
        content, generated = (
            re.search(rb"<%b>([^<]*)<" % name, served.body)[1] for name in (b"Content", b"GeneratedTime")
        )
        return proxy.report(change(base64.b64decode(content)), generated.decode())

    return answer


def older(content, days):
    """The report with every time in it `days` earlier, and the root user created long ago."""

    def earlier(time):
        return (datetime.strptime(time[0].decode(), FORMAT) - timedelta(days)).strftime(FORMAT).encode()

    content = TIME.sub(earlier, content)
    return re.sub(rb"(?m)^(<root_account>,[^,]*),[^,]*", rb"\1,2020-01-01T00:00:00Z", content)


def report_of(account_id, *rows):
    """A report of users, each a name and the columns that are not as everybody's."""
    names = COLUMNS.split(",")
    lines = [COLUMNS]
    for user, columns in rows:
        cells = {name: "false" if name.endswith(("_active", "_enabled")) else "N/A" for name in names}
        cells |= {"user": user, "arn": f"arn:aws:iam::{account_id}:user/{user}"}
        cells |= {"user_creation_time": "2024-01-01T00:00:00Z"} | columns
        lines.append(",".join(cells[name] for name in names))
    return "\n".join(lines).encode()
