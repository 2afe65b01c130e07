"""ClusterTrustBundle (certificates.k8s.io/v1beta1, certificates.k8s.io/v1alpha1)."""

from minik.api.scheme import Resource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="certificates.k8s.io",
        version="v1beta1",
        kind="ClusterTrustBundle",
        plural="clustertrustbundles",
        singular="clustertrustbundle",
        type_name="io.k8s.api.certificates.v1beta1.ClusterTrustBundle",
        namespaced=False,
        storage_version_hash="v5yhuVertL4=",
    ),
    Resource(
        group="certificates.k8s.io",
        version="v1alpha1",
        kind="ClusterTrustBundle",
        plural="clustertrustbundles",
        singular="clustertrustbundle",
        type_name="io.k8s.api.certificates.v1alpha1.ClusterTrustBundle",
        namespaced=False,
        storage=GVR("certificates.k8s.io", "v1beta1", "clustertrustbundles"),
        storage_version_hash="v5yhuVertL4=",
    ),
)
