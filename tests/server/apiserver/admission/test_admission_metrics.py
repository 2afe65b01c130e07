"""What admission counts."""

from typing import Any

import pytest

from minik.api.status import StatusError
from minik.server.apiserver.admission.chain import AdmissionChain
from minik.server.apiserver.admission.metrics import AdmissionMetrics
from minik.server.apiserver.admission.plugin import CREATE, Plugin, refuse


class Picky(Plugin):
    name = "Picky"
    operations = frozenset({CREATE})
    resources = None

    async def validate(self, attributes: Any) -> None:
        raise refuse(attributes, "no")


def samples(metrics: AdmissionMetrics) -> dict[tuple[str, str, str], float]:
    return {
        (sample.name, sample.labels.get("name", ""), sample.labels.get("rejected", "")): sample.value
        for family in metrics.collect()
        for sample in family.samples
    }


async def test_plugins_and_phases_are_timed(write: Any) -> None:
    metrics = AdmissionMetrics()
    chain = AdmissionChain([Picky()], metrics)
    request = write("configmaps", {"metadata": {"name": "c"}})
    await chain.mutate(request)
    with pytest.raises(StatusError):
        await chain.validate(request)
    found = samples(metrics)
    assert found["apiserver_admission_controller_admission_duration_seconds_count", "Picky", "true"] == 1
    assert found["apiserver_admission_step_admission_duration_seconds_count", "", "true"] == 1
    assert found["apiserver_admission_step_admission_duration_seconds_summary_count", "", "true"] == 1
    assert found["apiserver_admission_step_admission_duration_seconds_count", "", "false"] == 1


def test_webhooks_are_counted_by_how_they_ended() -> None:
    metrics = AdmissionMetrics()
    metrics.webhook("w", "admit", "CREATE", 0.01, code=200, rejected=False)
    metrics.webhook("w", "admit", "CREATE", 0.01, code=999, rejected=True)
    metrics.rejection("w", "admit", "CREATE", "no_error", 999)
    metrics.failed_open("w", "admit")
    found = samples(metrics)
    assert found["apiserver_admission_webhook_request_total", "w", "false"] == 1
    assert found["apiserver_admission_webhook_rejection_count", "w", ""] == 1
    assert found["apiserver_admission_webhook_fail_open_count", "w", ""] == 1
