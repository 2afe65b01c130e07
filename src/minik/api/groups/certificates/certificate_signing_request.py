"""CertificateSigningRequest (certificates.k8s.io/v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="certificates.k8s.io",
        version="v1",
        kind="CertificateSigningRequest",
        plural="certificatesigningrequests",
        singular="certificatesigningrequest",
        type_name="io.k8s.api.certificates.v1.CertificateSigningRequest",
        namespaced=False,
        short_names=("csr",),
        subresources=(
            Subresource(name="approval", kind="CertificateSigningRequest"),
            Subresource(name="status", kind="CertificateSigningRequest"),
        ),
        storage_version_hash="95fRKMXA+00=",
    ),
)
