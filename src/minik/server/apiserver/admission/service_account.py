"""ServiceAccount: every Pod runs as one, gets its token mounted and its image pull secrets.

https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-admission-controller
"""

import random
from collections.abc import Iterator

from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, UPDATE, Plugin, refuse
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.pod_references import is_mirror_pod, references

ACCOUNTS = GVR("", "v1", "serviceaccounts")
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607  # an hour, recognisable as asked for by this plugin
_VOLUME_PREFIX = "kube-api-access-"
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_ENFORCE = "kubernetes.io/enforce-mountable-secrets"
_PATIENCE = 0.5  # seconds; a new namespace's `default` may be a moment away


class ServiceAccountAdmission(Plugin):
    name = "ServiceAccount"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset({("", "pods")})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        pod = attributes.obj
        if pod is None or attributes.operation is not CREATE or attributes.subresource:
            return
        if is_mirror_pod(pod):
            _check_mirror_pod(attributes, pod)
            return
        spec = pod["spec"]
        if not spec.get("serviceAccountName"):
            spec["serviceAccountName"] = "default"
        spec["serviceAccount"] = spec["serviceAccountName"]
        account = await self._account(attributes, spec["serviceAccountName"])
        if _wants_token(pod, account):
            _mount_token(spec)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [dict(secret) for secret in account["imagePullSecrets"]]

    async def validate(self, attributes: AdmissionAttributes) -> None:
        pod = attributes.obj
        if pod is None or is_mirror_pod(pod):
            return
        if attributes.operation is CREATE and attributes.subresource:
            return
        if attributes.operation is UPDATE and attributes.subresource != "ephemeralcontainers":
            return
        name = pod["spec"].get("serviceAccountName", "")
        if not name:
            raise refuse(
                attributes, f"no service account specified for pod {attributes.namespace}/{pod['metadata'].get('name')}"
            )
        account = await self._account(attributes, name)
        if (account["metadata"].get("annotations") or {}).get(_ENFORCE, "").lower() in ("true", "t", "1"):
            for complaint in _unmountable(pod, account):
                raise refuse(attributes, complaint)

    async def _account(self, attributes: AdmissionAttributes, name: str) -> Obj:
        namespace = attributes.namespace
        patience = _PATIENCE if name == "default" else 0.0
        account = await self._objects.wait_for(ACCOUNTS, name, namespace, patience)
        if account is not None:
            return account
        raise refuse(
            attributes,
            f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found',
        )


def _check_mirror_pod(attributes: AdmissionAttributes, pod: Obj) -> None:
    if pod["spec"].get("serviceAccountName"):
        raise refuse(attributes, "a mirror pod may not reference service accounts")
    stranger = {**pod, "metadata": {}}  # what it would refer to were it no mirror
    if any(plural == "secrets" for plural, _ in references(stranger)):
        raise refuse(attributes, "a mirror pod may not reference secrets")
    for volume in pod["spec"].get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "serviceAccountToken" in source:
                raise refuse(attributes, "a mirror pod may not use service account token volume projections")


def _wants_token(pod: Obj, account: Obj) -> bool:
    """The Pod decides, then the account; without a word from either, yes."""
    wanted = pod["spec"].get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    return wanted is not False


def _mount_token(spec: Obj) -> None:
    lacking = [
        container
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
        if all(mount.get("mountPath") != MOUNT_PATH for mount in container.get("volumeMounts") or ())
    ]
    if not lacking:
        return
    volumes = spec.get("volumes") or []
    name = next((volume["name"] for volume in volumes if volume.get("name", "").startswith(_VOLUME_PREFIX)), "")
    if not name:
        name = _VOLUME_PREFIX + "".join(random.choices(_SUFFIX_ALPHABET, k=5))
        spec["volumes"] = [*volumes, {"name": name, "projected": _token_projection()}]
    for container in lacking:
        mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]


def _token_projection() -> Obj:
    namespace_field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace_field}]}},
        ],
        "defaultMode": 0o644,
    }


def _unmountable(pod: Obj, account: Obj) -> Iterator[str]:
    """Complaints about Secrets that the account does not list, for accounts that insist on it."""
    spec, name = pod["spec"], account["metadata"]["name"]
    allowed = {secret.get("name") for secret in account.get("secrets") or ()}
    refusal = f"is not allowed because service account {name} does not reference that secret"
    for volume in spec.get("volumes") or ():
        secret = (volume.get("secret") or {}).get("secretName")
        if secret and secret not in allowed:
            yield f'volume with secret.secretName="{secret}" {refusal}'
    for field, title in (
        ("initContainers", "init container"),
        ("containers", "container"),
        ("ephemeralContainers", "ephemeral container"),
    ):
        for container in spec.get(field) or ():
            for where, secret in _secrets_in_environment(container):
                if secret not in allowed:
                    yield f'{title} {container["name"]} with {where} referencing secret.secretName="{secret}" {refusal}'
    pullable = {secret.get("name") for secret in account.get("imagePullSecrets") or ()}
    for secret in spec.get("imagePullSecrets") or ():
        if secret.get("name") not in pullable:
            yield (
                f'imagePullSecret.name="{secret.get("name")}" is not allowed because service account {name} '
                "does not reference that imagePullSecret"
            )


def _secrets_in_environment(container: Obj) -> Iterator[tuple[str, str]]:
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("secretKeyRef")
        if reference:
            yield f"envVar {variable['name']}", reference.get("name", "")
    for source in container.get("envFrom") or ():
        if "secretRef" in source:
            yield "envFrom", source["secretRef"].get("name", "")
