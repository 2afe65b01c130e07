"""Kinds that say who created them: a CertificateSigningRequest carries its requester's identity.

Set by the server, whatever the client sent: signers and approvers rely on it.
https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
"""

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.registry.call import Call

_REQUESTS = ("certificates.k8s.io", "certificatesigningrequests")


def stamp(call: Call, obj: Obj) -> None:
    """Write the requester into a new object that has a place for it; `obj` is changed."""
    if (call.resource.group, call.resource.plural) == _REQUESTS:
        obj["spec"] = {**(obj.get("spec") or {}), **identity(call.user)}
        for field in ("uid", "groups", "extra"):
            if not obj["spec"][field]:
                del obj["spec"][field]


def identity(user: UserInfo) -> Obj:
    return {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
