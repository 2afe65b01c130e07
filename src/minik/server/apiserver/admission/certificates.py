"""CertificateApproval, -Signing, -SubjectRestriction, ClusterTrustBundleAttest: who may speak for which signer.

https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
"""

import base64
import binascii
from typing import ClassVar

from minik.api.types import Obj
from minik.api.validation import forbidden, invalid
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, UPDATE, Plugin, refuse
from minik.server.apiserver.attributes import Attributes, Authorize

_GROUP = "certificates.k8s.io"
_REQUESTS = frozenset({(_GROUP, "certificatesigningrequests")})
_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
_MASTERS = "system:masters"


class _ForSigner(Plugin):
    """Asks whether the user holds `verb` on the signer, or on all signers of its domain."""

    verb: ClassVar[str]

    def __init__(self, authorize: Authorize) -> None:
        self._authorize = authorize

    async def _allowed(self, attributes: AdmissionAttributes, signer: str) -> bool:
        domain = signer.partition("/")[0]
        for name in (signer, f"{domain}/*"):
            question = Attributes(
                user=attributes.user,
                verb=self.verb,
                resource_request=True,
                api_group=_GROUP,
                api_version="*",
                resource="signers",
                name=name,
            )
            if (await self._authorize(question)).allowed:
                return True
        return False


class CertificateApproval(_ForSigner):
    name = "CertificateApproval"
    operations = frozenset({UPDATE})
    resources = _REQUESTS
    verb = "approve"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        if attributes.subresource != "approval" or attributes.old_obj is None:
            return
        signer = attributes.old_obj["spec"].get("signerName", "")
        if not await self._allowed(attributes, signer):
            raise refuse(attributes, f'user not permitted to approve requests with signerName "{signer}"')


class CertificateSigning(_ForSigner):
    name = "CertificateSigning"
    operations = frozenset({UPDATE})
    resources = _REQUESTS
    verb = "sign"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        if attributes.subresource != "status" or attributes.old_obj is None:
            return
        signer = attributes.old_obj["spec"].get("signerName", "")
        if not await self._allowed(attributes, signer):
            raise refuse(attributes, f'user not permitted to sign requests with signerName "{signer}"')


class PodCertificateSigning(_ForSigner):
    """Upstream asks in the status's strategy, so what it answers is that the object is invalid."""

    name = "PodCertificateSigning"
    operations = frozenset({UPDATE})
    resources = frozenset({(_GROUP, "podcertificaterequests")})
    verb = "sign"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        obj, old = attributes.obj, attributes.old_obj
        if attributes.subresource != "status" or obj is None or old is None:
            return
        chains = [(each.get("status") or {}).get("certificateChain") for each in (obj, old)]
        signer = old["spec"].get("signerName", "")
        if chains[0] != chains[1] and not await self._allowed(attributes, signer):
            text = f'User "{attributes.user.name}" is not permitted to "sign" for signer "{signer}"'
            name = obj["metadata"]["name"]
            raise invalid(_GROUP, "PodCertificateRequest", name, [forbidden("spec.signerName", text)])


class ClusterTrustBundleAttest(_ForSigner):
    name = "ClusterTrustBundleAttest"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset({(_GROUP, "clustertrustbundles")})
    verb = "attest"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        signer = ((attributes.obj or {}).get("spec") or {}).get("signerName", "")
        if signer and not attributes.subresource and not await self._allowed(attributes, signer):
            raise refuse(attributes, f'user not permitted to attest for signerName "{signer}"')


class CertificateRequester(Plugin):
    """Writes into a request who made it, whatever the client says. Upstream's create strategy does the same."""

    name = "CertificateRequester"
    operations = frozenset({CREATE})
    resources = _REQUESTS

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None or attributes.subresource:
            return
        spec = {k: v for k, v in (attributes.obj.get("spec") or {}).items() if k not in _REQUESTER_FIELDS}
        user = attributes.user
        spec["username"] = user.name
        if user.uid:
            spec["uid"] = user.uid
        if user.groups:
            spec["groups"] = list(user.groups)
        if user.extra:
            spec["extra"] = {key: list(values) for key, values in user.extra.items()}
        attributes.obj["spec"] = spec


_REQUESTER_FIELDS = frozenset({"username", "uid", "groups", "extra"})


class CertificateSubjectRestriction(Plugin):
    name = "CertificateSubjectRestriction"
    operations = frozenset({CREATE})
    resources = _REQUESTS

    async def validate(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.obj
        if obj is None or attributes.subresource or obj["spec"].get("signerName") != _CLIENT_SIGNER:
            return
        if _MASTERS in organizations(obj):
            raise refuse(attributes, f"use of {_CLIENT_SIGNER} signer with {_MASTERS} group is not allowed")


def organizations(request: Obj) -> list[str]:
    """The groups a CertificateSigningRequest asks for; none if it cannot be read (validation complains then)."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        decoded = x509.load_pem_x509_csr(base64.b64decode(request["spec"].get("request", "")))
    except (ValueError, binascii.Error):
        return []
    return [str(item.value) for item in decoded.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
