"""Job (batch/v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="batch",
        version="v1",
        kind="Job",
        plural="jobs",
        singular="job",
        type_name="io.k8s.api.batch.v1.Job",
        categories=("all",),
        subresources=(Subresource(name="status", kind="Job"),),
        storage_version_hash="mudhfqk/qZY=",
    ),
)
