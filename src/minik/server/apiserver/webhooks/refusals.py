"""What upstream's client says when a webhook cannot be reached or answers with an error."""

import errno
import os
import ssl

from minik.api.status import StatusError
from minik.api.types import Obj

_BY_CODE = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    410: "the requested resource is gone",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}
_SERVER_SAYS = frozenset({403, 406, 415})


def connection_errors() -> tuple[type[BaseException], ...]:
    """What a call raises when nobody answers."""
    import aiohttp

    return (aiohttp.ClientError, OSError, StatusError)


def lost_connection() -> tuple[type[BaseException], ...]:
    """What a call raises when the other side hangs up before it answers."""
    import aiohttp

    return (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError)


def connection_text(error: BaseException) -> str:
    import aiohttp

    if isinstance(error, StatusError):
        return error.message
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return certificate_text(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {error.host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"tls: {error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        where = f"dial tcp {error.host}:{error.port}: connect: "
        # Python words it like the C library, but in a sentence of its own.
        number = error.os_error.errno
        if number is None or number not in errno.errorcode:
            return where + ("connection refused" if "refused" in str(error.os_error).lower() else str(error.os_error))
        return where + os.strerror(number).lower()
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    return str(error) or type(error).__name__


def certificate_text(error: Exception) -> str:
    reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
    known = {
        "unable to get local issuer certificate": "certificate signed by unknown authority",
        "self-signed certificate": "certificate signed by unknown authority",
        "self-signed certificate in certificate chain": "certificate signed by unknown authority",
        "certificate has expired": "certificate has expired or is not yet valid",
        "certificate is not yet valid": "certificate has expired or is not yet valid",
    }
    return f"tls: failed to verify certificate: x509: {known.get(reason, reason)}"


def answer_text(code: int, content_type: str, body: bytes, decoded: Obj | None) -> str:
    """For an answer that is no success. A Status in it speaks for itself."""
    if isinstance(decoded, dict) and decoded.get("kind") == "Status" and decoded.get("message"):
        return str(decoded["message"])
    textual = not content_type or content_type.startswith("text/")
    said = body.decode(errors="replace").strip() if textual and body else "unknown"
    if code in _SERVER_SAYS:
        return said
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code >= 500:
        quoted = said.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'an error on the server ("{quoted}") has prevented the request from succeeding'
    return f"the server responded with the status code {code} but did not return more information"
