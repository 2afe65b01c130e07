"""CronJob (batch/v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="batch",
        version="v1",
        kind="CronJob",
        plural="cronjobs",
        singular="cronjob",
        type_name="io.k8s.api.batch.v1.CronJob",
        short_names=("cj",),
        categories=("all",),
        subresources=(Subresource(name="status", kind="CronJob"),),
        storage_version_hash="sd5LIXh4Fjs=",
    ),
)
