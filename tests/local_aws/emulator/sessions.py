"""The sessions of STS: MFA in the calls that make one, and many made at the same time."""

import re
import threading
from contextvars import ContextVar
from urllib.parse import parse_qs

from ministack.core import iam_evaluator
from ministack.services import iam, sts

handle_request = sts.handle_request
caller_identity = sts._caller_identity
register_session = sts.register_session
principal_keys = iam_evaluator._principal_keys

PRESENT = "aws:multifactorauthpresent"
_with_mfa = ContextVar("with_mfa", default=False)
_registering = threading.Lock()


async def _handle_request(method, path, headers, body, query_params):
    form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    if "TokenCode" not in form:
        return await handle_request(method, path, headers, body, query_params)
    caller = caller_identity(headers, query_params)
    device = iam._mfa_devices.get(form.get("SerialNumber"))
    if device is None or not isinstance(caller, dict) or device.get("User") != caller["principalName"]:
        return _denied(
            "MultiFactorAuthentication failed, unable to validate MFA code. "
            "Please verify your MFA serial number is valid and associated with this user."
        )
    if not re.fullmatch(r"\d{6}", form["TokenCode"]):
        return _denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
    token = _with_mfa.set(True)
    try:
        return await handle_request(method, path, headers, body, query_params)
    finally:
        _with_mfa.reset(token)


def _denied(message):
    return sts._error(403, "AccessDenied", message, ns="sts")


def _caller_identity(headers, query_params=None):
    caller = caller_identity(headers, query_params)
    if _with_mfa.get() and isinstance(caller, dict):
        caller["principalKeys"][PRESENT] = "true"
    return caller


def _register_session(access_key, session):
    # A role's session says nothing of the MFA it was assumed with.
    session = session | {"MFA": _with_mfa.get() and session.get("PrincipalType") == "User"}
    # Each looks through all others for expired ones, and fails when another is added meanwhile.
    with _registering:
        register_session(access_key, session)


def _principal_keys(credential):
    session = sts._sessions.get(credential.access_key_id) or {}
    return principal_keys(credential) | ({PRESENT: "true"} if session.get("MFA") else {})


def close():
    sts.handle_request = _handle_request
    sts._caller_identity = _caller_identity
    sts.register_session = _register_session
    sts._principal_keys = iam_evaluator._principal_keys = _principal_keys
