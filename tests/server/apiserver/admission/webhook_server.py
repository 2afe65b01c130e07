"""A webhook on loopback with a real certificate, for tests."""

import base64
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[web.Request], Awaitable[web.Response]]


def self_signed(directory: Path, host: str) -> tuple[ssl.SSLContext, str]:
    """A server's TLS context for `host`, and the caBundle that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / "webhook.pem"
    path.write_bytes(private + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, base64.b64encode(pem).decode()


class WebhookServer:
    """Answers reviews with what `respond` returns and keeps what it was asked."""

    def __init__(self, directory: Path, host: str = "hook.ns.svc") -> None:
        self._tls, self.ca_bundle = self_signed(directory, host)
        self.reviews: list[Any] = []
        self.respond: Callable[[Any], Any] = lambda review: {"allowed": True}
        self.answer: Answer | None = None  # the whole HTTP answer, for those who break the protocol
        self.port = 0

    async def __aenter__(self) -> "WebhookServer":
        app = web.Application()
        app.router.add_post("/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        if self.answer is not None:
            return await self.answer(request)
        review = await request.json()
        self.reviews.append(review)
        response = {"uid": review["request"]["uid"], **self.respond(review)}
        return web.json_response({"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": response})
