"""Asks KMS plugins once a minute whether they are well and which key they use; their health checks and metrics.

Metrics: apiserver_envelope_encryption_*, upstream's envelope/metrics.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from minik.server.apiserver.encryption.kms import Kms

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_EVERY, _EVERY_WHILE_ILL = 60.0, 10.0  # seconds


class KmsWatch:
    """The component. `providers` tells those that are configured at the moment."""

    name = "kms-providers"

    def __init__(self, providers: Callable[[], Sequence[Kms]]) -> None:
        self._providers = providers

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        try:
            while True:
                ill = any(each.trouble for each in self._providers())
                await asyncio.sleep(_EVERY_WHILE_ILL if ill else _EVERY)
                for each in self._providers():
                    await asyncio.to_thread(each.refresh)
        finally:
            for each in self._providers():
                each.plugin.close()

    async def check(self) -> str:
        """The health check: what is wrong, "" for nothing."""
        return "; ".join(f"{each.name}: {each.trouble}" for each in self._providers() if each.trouble)

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

        prefix = "apiserver_envelope_encryption_"
        used = CounterMetricFamily(
            f"{prefix}key_id_hash_total",
            "Number of times a keyID is used split by transformation type, provider, and apiserver identity.",
            labels=("transformation_type", "provider_name", "key_id_hash"),
        )
        seeds = GaugeMetricFamily(
            f"{prefix}dek_source_cache_size",
            "Number of records in data encryption key (DEK) source cache.",
            labels=("provider_name",),
        )
        calls = SummaryMetricFamily(
            f"{prefix}kms_operations_latency_seconds",
            "KMS operation duration with gRPC error code status total.",
            labels=("provider_name", "method_name", "grpc_status_code"),
        )
        for provider in self._providers():
            seeds.add_metric((provider.name,), provider.seeds)
            for (way, key_id), count in provider.key_ids.items():
                digest = "sha256:" + hashlib.sha256(key_id.encode()).hexdigest()
                used.add_metric((way, provider.name, digest), count)
            for (method, code), (count, seconds) in provider.plugin.calls.items():
                calls.add_metric((provider.name, method, code), count, seconds)
        yield used
        yield seeds
        yield calls
