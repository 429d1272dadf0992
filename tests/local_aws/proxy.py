"""The proxy in front of the local AWS.

It forwards every request, says that it came over TLS (as a load balancer does, so that policies
which insist on TLS can be tested), and answers in the emulator's place where a test has scripted
that: for a service, an action and an account.
"""

import base64
import http.client
import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import psutil

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"}


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes
    client: tuple = ()
    service: str = ""
    action: str = ""
    account: str = ""

    @property
    def form(self):
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def json(self):
        return json.loads(self.body or b"{}")


@dataclass
class Response:
    status: int
    body: bytes
    headers: dict = field(default_factory=dict)


def forward_to(port, request):
    """Sends a request on to `port` of 127.0.0.1, as one that came over TLS."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=900)
    try:
        headers = dict(request.headers, **{"x-forwarded-proto": "https"})
        connection.request(request.method, request.path, request.body, headers)
        answer = connection.getresponse()
        return Response(answer.status, answer.read(), dict(answer.getheaders()))
    finally:
        connection.close()


class Script:
    """Answers, one a request, for the requests of one service, action and account; after the last
    one the requests are forwarded again. An answer is a `Response`, a function of the request and
    of a function that forwards it, which may answer nothing, or None to forward this one request."""

    def __init__(self, service, action, account, answers, forever):
        self.key = (service, action, account)
        self.answers = list(answers)
        self.forever = forever

    def next(self, request):
        service, action, account = self.key
        if request.service != service or request.action != action or account not in (None, request.account):
            return False, None
        if not self.answers:
            return False, None
        return True, self.answers[0] if self.forever and len(self.answers) == 1 else self.answers.pop(0)


class Proxy:
    """Listens on `port` of 127.0.0.1 and forwards to `upstream_port`."""

    def __init__(self, port, upstream_port):
        self.upstream_port = upstream_port
        self.scripts = []
        self.requests = []
        self.accounts_of_keys = {}
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.server.server_address[1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def script(self, service, action, *answers, account=None, forever=False):
        """Answers the next requests of `action` (from `account`, if given) with `answers`; the last
        of them again and again if `forever`."""
        with self.lock:
            self.scripts.append(Script(service, action, account, answers, forever))

    def reset(self):
        """Forgets scripts and requests."""
        with self.lock:
            self.scripts.clear()
            self.requests.clear()

    def calls(self, service, action, account=None):
        """The requests of `action` since the last reset."""
        with self.lock:
            return [
                request
                for request in self.requests
                if (request.service, request.action) == (service, action) and account in (None, request.account)
            ]

    def _answer(self, request):
        self._identify(request)
        with self.lock:
            self.requests.append(request)
            answer = None
            for script in self.scripts:
                matches, answer = script.next(request)
                if matches:
                    break
        if isinstance(answer, Response):
            return answer
        if answer is not None:
            return answer(request, self._forward)
        return self._forward(request)

    def _identify(self, request):
        """Reads service, action and account off a signed request."""
        credential = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", request.headers.get("authorization", ""))
        if not credential:
            return
        key, request.service = credential.groups()
        request.account = key if re.fullmatch(r"\d{12}", key) else self.accounts_of_keys.get(key, "")
        target = request.headers.get("x-amz-target", "")
        if target:
            request.action = target.rsplit(".", 1)[-1]
        elif request.service == "s3":
            request.action = {"PUT": "PutObject", "GET": "GetObject"}.get(request.method, request.method)
            if request.service == "s3":
                account = re.search(r"(\d{12})\.(csv|json)$", unquote(urlsplit(request.path).path))
                request.account = account[1] if account else request.account
        elif request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            request.action = request.form.get("Action", "")
            if request.action == "AssumeRole":
                request.account = request.form["RoleArn"].split(":")[4]

    def _forward(self, request):
        response = forward_to(self.upstream_port, request)
        if request.action == "AssumeRole":
            key = re.search(rb"<AccessKeyId>([^<]+)</AccessKeyId>", response.body)
            if key:
                self.accounts_of_keys[key[1].decode()] = request.account
        return response

    def _handler(proxy):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self):
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                body = self._chunks() if self.headers.get("transfer-encoding") == "chunked" else self.rfile.read(length)
                response = proxy._answer(Request(self.command, self.path, headers, body, self.client_address))
                if response is None:
                    self.close_connection = True
                    return
                self.send_response(response.status)
                for name, value in response.headers.items():
                    if name.lower() not in HOP_BY_HOP | {"content-length", "date", "server"}:
                        self.send_header(name, value)
                head = self.command == "HEAD"
                length = response.headers.get("content-length", "0") if head else str(len(response.body))
                self.send_header("content-length", length)
                self.end_headers()
                if not head:
                    self.wfile.write(response.body)

            def _chunks(self):
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _serve

            def log_message(self, *_):
                pass

        return Handler


def kill_caller(request, _forward):
    """Kills the process that asks, which therefore gets no answer: what it asked for is not done."""
    connections = psutil.net_connections(kind="tcp4")
    (caller,) = {one.pid for one in connections if one.pid and tuple(one.laddr) == request.client}
    psutil.Process(caller).kill()


# Answers of the services, as they write them.


def query_error(status, code, message):
    """An error of IAM or STS."""
    return Response(
        status,
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        "<RequestId>scripted</RequestId></ErrorResponse>".encode(),
        {"content-type": "text/xml"},
    )


def s3_error(status, code, message):
    """An error of S3."""
    return Response(
        status,
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message><RequestId>scripted</RequestId></Error>".encode(),
        {"content-type": "application/xml"},
    )


def json_error(status, code, message):
    """An error of Organizations."""
    return Response(
        status,
        json.dumps({"__type": code, "Message": message}).encode(),
        {"content-type": "application/x-amz-json-1.1", "x-amzn-errortype": code},
    )


def generate(state):
    """GenerateCredentialReport answering `state`."""
    return Response(
        200,
        "<GenerateCredentialReportResponse xmlns='https://iam.amazonaws.com/doc/2010-05-08/'>"
        f"<GenerateCredentialReportResult><State>{state}</State></GenerateCredentialReportResult>"
        "<ResponseMetadata><RequestId>scripted</RequestId></ResponseMetadata></GenerateCredentialReportResponse>".encode(),
        {"content-type": "text/xml"},
    )


def report(content, generated=None):
    """GetCredentialReport answering the bytes `content`, as made just now: IAM serves no older report than four hours,
    and the analysis refuses one."""
    generated = generated or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    encoded = base64.b64encode(content).decode()
    return Response(
        200,
        "<GetCredentialReportResponse xmlns='https://iam.amazonaws.com/doc/2010-05-08/'><GetCredentialReportResult>"
        f"<Content>{encoded}</Content><ReportFormat>text/csv</ReportFormat><GeneratedTime>{generated}</GeneratedTime>"
        "</GetCredentialReportResult><ResponseMetadata><RequestId>scripted</RequestId></ResponseMetadata>"
        "</GetCredentialReportResponse>".encode(),
        {"content-type": "text/xml"},
    )


def paged(request, forward, size=20):
    """ListAccounts as AWS answers it and MiniStack does not: `size` accounts at a time, with State."""
    token = int(request.json.get("NextToken", 0))
    everything = forward(Request(request.method, request.path, request.headers, request.body))
    accounts = json.loads(everything.body)["Accounts"]
    page = {"Accounts": [dict(account, State=account["Status"]) for account in accounts[token : token + size]]}
    if token + size < len(accounts):
        page["NextToken"] = str(token + size)
    return Response(200, json.dumps(page).encode(), {"content-type": "application/x-amz-json-1.1"})
