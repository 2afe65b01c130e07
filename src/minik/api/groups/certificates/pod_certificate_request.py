"""PodCertificateRequest (certificates.k8s.io/v1beta1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="certificates.k8s.io",
        version="v1beta1",
        kind="PodCertificateRequest",
        plural="podcertificaterequests",
        singular="podcertificaterequest",
        type_name="io.k8s.api.certificates.v1beta1.PodCertificateRequest",
        subresources=(Subresource(name="status", kind="PodCertificateRequest"),),
        storage_version_hash="wYA9yXQH8fg=",
    ),
)
