"""An organization of any size that answers at once, or after a latency of every call: what `rollcall run`
and the functions ask of STS, IAM, Organizations, S3 and SNS, and nothing else, over TLS if it has a certificate
of trustme. It makes nothing up but the answers: there are no policies, and nobody is refused. For measurements and for
connections; what is right is tested against the local AWS.
"""

import asyncio
import base64
import json
import re
import ssl
import threading
from urllib.parse import parse_qs, unquote, urlsplit

HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)
NO_KEY = "false,N/A,N/A,N/A,N/A"
MADE = "2026-01-01T08:00:00Z"
MANAGEMENT = "999999999999"
PAGE = 20


def account_id(number):
    """The id of a member account."""
    return f"{100000000000 + number}"


def report(account, users):
    """A report of `users` users, each with a key."""
    rows = [HEADER]
    rows.append(
        f"<root_account>,arn:aws:iam::{account}:root,{MADE},false,N/A,N/A,not_supported,true,{NO_KEY},{NO_KEY},"
        "false,N/A,false,N/A"
    )
    for number in range(users):
        name = f"user-{number:03}"
        rows.append(
            f"{name},arn:aws:iam::{account}:user/{name},{MADE},false,N/A,N/A,N/A,false,true,{MADE},{MADE},us-east-1,s3,"
            f"{NO_KEY},false,N/A,false,N/A"
        )
    return "\n".join(rows)


class SimulatedAws:
    """The organization, served on a free port of 127.0.0.1 for as long as the `with` block lasts."""

    def __init__(self, accounts, latency=0.0, users=20, units=10, certificate=None):
        self.ids = [account_id(number) for number in range(accounts)]
        self.latency = latency
        self.users = users
        self.units = units
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(self.tls)
        self.calls = {}
        self.objects = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.ready = threading.Event()

    @property
    def endpoint(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def environment(self, environment):
        """`environment` with what lets a command talk to this organization."""
        return environment | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "simulated",
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "AWS_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __enter__(self):
        self.thread.start()
        if not self.ready.wait(10):
            raise TimeoutError("the simulated AWS did not start within 10 seconds")
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def _serve(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1024, ssl=self.tls))
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()
        server.close()

    async def _connection(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = {}
                request, *lines = head.decode().split("\r\n")
                for line in lines:
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length") or 0))
                await asyncio.sleep(self.latency)
                kind, answer, *metadata = self._answer(request, headers, body)
                head = [f"content-type: {kind}", f"content-length: {len(answer)}", *metadata]
                writer.write("\r\n".join(["HTTP/1.1 200 OK", *head, "", ""]).encode() + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, request, headers, body):
        method, place, _ = request.split()
        if "/s3/" in headers.get("authorization", ""):
            return self._storage(method, urlsplit(place), headers, body)
        target = headers.get("x-amz-target")
        if target:
            action = target.rsplit(".", 1)[-1]
            self.calls[action] = self.calls.get(action, 0) + 1
            return "application/x-amz-json-1.1", json.dumps(self._organizations(action, json.loads(body or b"{}"))).encode()
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        action = form["Action"]
        self.calls[action] = self.calls.get(action, 0) + 1
        result = self._query(action, form, headers)
        return "text/xml", (
            f"<{action}Response><{action}Result>{result}</{action}Result>"
            f"<ResponseMetadata><RequestId>simulated</RequestId></ResponseMetadata></{action}Response>"
        ).encode()

    def _storage(self, method, place, headers, body):
        """S3: objects that are put are there, with their metadata, to be read and listed."""
        action = {"PUT": "PutObject", "GET": "GetObject"}[method]
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        bucket, _, key = unquote(place.path).lstrip("/").partition("/")
        if "list-type" in query:
            action = "ListObjectsV2"
        self.calls[action] = self.calls.get(action, 0) + 1
        if action == "ListObjectsV2":
            prefix = query.get("prefix", "")
            keys = sorted(name for of, name in self.objects if of == bucket and name.startswith(prefix))
            if "delimiter" in query:
                found = {f"<CommonPrefixes><Prefix>{key.split('/')[0]}/</Prefix></CommonPrefixes>" for key in keys if "/" in key}
            else:
                found = [f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys]
            count = f"<KeyCount>{len(found)}</KeyCount><IsTruncated>false</IsTruncated>"
            return "application/xml", f"<ListBucketResult>{count}{''.join(sorted(found))}</ListBucketResult>".encode()
        if action == "PutObject":
            metadata = [f"{name}: {value}" for name, value in headers.items() if name.startswith("x-amz-meta-")]
            self.objects[bucket, key] = body, metadata
            return "application/xml", b""
        body, metadata = self.objects[bucket, key]
        return "application/octet-stream", body, *metadata

    def _query(self, action, form, headers):
        if action == "GetCallerIdentity":
            arn = f"arn:aws:iam::{MANAGEMENT}:user/simulated"
            return f"<Arn>{arn}</Arn><UserId>simulated</UserId><Account>{MANAGEMENT}</Account>"
        if action == "AssumeRole":
            # The key is the account: that is how its calls are told.
            account = form["RoleArn"].split(":")[4]
            return (
                f"<Credentials><AccessKeyId>{account}</AccessKeyId><SecretAccessKey>simulated</SecretAccessKey>"
                "<SessionToken>simulated</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
            )
        if action == "Publish":
            return "<MessageId>simulated</MessageId>"
        if action == "GenerateCredentialReport":
            return "<State>COMPLETE</State>"
        if action == "GetCredentialReport":
            account = re.search(r"Credential=([^/]+)/", headers["authorization"])[1]
            account = account if account.isdigit() else MANAGEMENT
            content = base64.b64encode(report(account, self.users).encode()).decode()
            return (
                f"<Content>{content}</Content><ReportFormat>text/csv</ReportFormat>"
                "<GeneratedTime>2026-11-21T00:00:00Z</GeneratedTime>"
            )
        raise ValueError(f"{action} is not simulated")

    def _organizations(self, action, request):
        if action == "DescribeOrganization":
            return {"Organization": {"Id": "o-simulated1", "MasterAccountId": MANAGEMENT}}
        if action == "ListRoots":
            return {"Roots": [{"Id": "r-root", "Name": "Root"}]}
        if action == "ListOrganizationalUnitsForParent":
            if request["ParentId"] != "r-root":
                return {"OrganizationalUnits": []}
            units = [{"Id": f"ou-root-{number:08}", "Name": f"Unit {number}"} for number in range(self.units)]
            return {"OrganizationalUnits": units}
        if action == "ListAccounts":
            return self._page([MANAGEMENT, *self.ids], request)
        if action == "ListAccountsForParent":
            if request["ParentId"] == "r-root":
                return self._page([MANAGEMENT], request)
            return self._page(self.ids[int(request["ParentId"][-8:]) :: self.units], request)
        raise ValueError(f"{action} is not simulated")

    def _page(self, ids, request):
        start = int(request.get("NextToken") or 0)
        page = {
            "Accounts": [
                {"Id": id, "Name": f"Account {id}", "Email": f"{id}@example.com", "State": "ACTIVE", "Status": "ACTIVE"}
                for id in ids[start : start + PAGE]
            ]
        }
        if start + PAGE < len(ids):
            page["NextToken"] = str(start + PAGE)
        return page
