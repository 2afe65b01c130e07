"""apiserver_tls_handshake_errors_total: connections that never got as far as a request."""

import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_UNFINISHED = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class HandshakeErrors:
    """Counts for the contexts it is told of; only handshakes pay for it."""

    def __init__(self) -> None:
        self.count = 0

    def watch(self, context: ssl.SSLContext) -> None:
        """Count the failed handshakes of connections that `context` will be used for."""
        errors = self

        class Handshaking(ssl.SSLObject):
            def do_handshake(self) -> None:
                try:
                    super().do_handshake()
                except _UNFINISHED:
                    raise
                except ssl.SSLError:
                    errors.count += 1
                    raise

        context.sslobject_class = Handshaking

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily

        total = CounterMetricFamily(
            "apiserver_tls_handshake_errors_total",
            "Number of requests dropped with 'TLS handshake error from' error",
        )
        total.add_metric((), self.count)
        yield total
