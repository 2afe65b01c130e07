"""LeaseCandidate (coordination.k8s.io/v1beta1, coordination.k8s.io/v1alpha2)."""

from minik.api.scheme import Resource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="coordination.k8s.io",
        version="v1beta1",
        kind="LeaseCandidate",
        plural="leasecandidates",
        singular="leasecandidate",
        type_name="io.k8s.api.coordination.v1beta1.LeaseCandidate",
        storage_version_hash="lvME0iHWE20=",
    ),
    Resource(
        group="coordination.k8s.io",
        version="v1alpha2",
        kind="LeaseCandidate",
        plural="leasecandidates",
        singular="leasecandidate",
        type_name="io.k8s.api.coordination.v1alpha2.LeaseCandidate",
        storage=GVR("coordination.k8s.io", "v1beta1", "leasecandidates"),
        storage_version_hash="lvME0iHWE20=",
    ),
)
