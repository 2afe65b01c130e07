"""projected volumes: several sources in one directory, among them the rotating service account token.

https://kubernetes.io/docs/concepts/storage/projected-volumes/
"""

from collections.abc import Iterable

from minik.agent.kubelet import quantities
from minik.agent.kubelet.volumes import config_map, downward_api, secret
from minik.agent.kubelet.volumes.volume import Payload, PayloadFile, VolumeContext, VolumeError
from minik.api import selectors
from minik.api.types import Obj
from minik.client.resources import CLUSTER_TRUST_BUNDLES

PLUGIN, MEMORY = "projected", True


async def payload(source: Obj, context: VolumeContext, default_mode: int) -> Payload:
    """`source` is a ProjectedVolumeSource. Later sources win where paths collide."""
    result = Payload()
    for projection in source.get("sources") or ():
        if projection.get("configMap") is not None:
            result.merge(await config_map.payload(projection["configMap"], context, default_mode))
        elif projection.get("secret") is not None:
            result.merge(await secret.payload(projection["secret"], context, default_mode))
        elif projection.get("downwardAPI") is not None:
            result.merge(await downward_api.payload(projection["downwardAPI"], context, default_mode))
        elif projection.get("serviceAccountToken") is not None:
            result.merge(await _token(projection["serviceAccountToken"], context, default_mode))
        elif projection.get("clusterTrustBundle") is not None:
            result.merge(await _trust_bundle(projection["clusterTrustBundle"], context, default_mode))
        else:
            raise VolumeError(f"projected source {', '.join(projection)} is not supported by this kubelet")
    return result


async def _token(source: Obj, context: VolumeContext, default_mode: int) -> Payload:
    expiration = int(source.get("expirationSeconds") or 3600)
    token = await context.tokens.token(context.pod, source.get("audience") or "", expiration)
    return Payload({source["path"]: _owned(token.value.encode(), context.pod, default_mode)}, token.renew_at)


def _only_user(pod: Obj) -> int | None:
    """The user all containers run as, when the Pod says so: it then owns the token file."""
    pod_user = (pod["spec"].get("securityContext") or {}).get("runAsUser")
    users = {
        (container.get("securityContext") or {}).get("runAsUser", pod_user)
        for container in quantities.all_containers(pod)
    }
    return users.pop() if len(users) == 1 else None


async def _trust_bundle(source: Obj, context: VolumeContext, default_mode: int) -> Payload:
    bundles = await (_named_bundle if source.get("name") else _selected_bundles)(source, context)
    text = "".join(dict.fromkeys(_certificates(bundle["spec"]["trustBundle"] for bundle in bundles)))
    return Payload({source["path"]: _owned(text.encode(), context.pod, default_mode)})


async def _named_bundle(source: Obj, context: VolumeContext) -> list[Obj]:
    found = await context.objects.get(context.uid, CLUSTER_TRUST_BUNDLES, "", source["name"])
    if found is None and not source.get("optional"):
        what = f'clustertrustbundle.certificates.k8s.io "{source["name"]}" not found'
        raise VolumeError(f"while getting ClusterTrustBundle: {what}")
    return [found] if found else []


async def _selected_bundles(source: Obj, context: VolumeContext) -> list[Obj]:
    """Those of a signer that have the labels. Without a selector it is none, with an empty one all."""
    selector = f"spec.signerName={source.get('signerName', '')}"
    of_signer = await context.objects.select(context.uid, CLUSTER_TRUST_BUNDLES, selector)
    wanted = selectors.of_object(source.get("labelSelector"))
    found = [bundle for bundle in of_signer if wanted.matches(bundle["metadata"].get("labels") or {})]
    if not found and not source.get("optional"):
        raise VolumeError("combination of signerName and labelSelector matched zero ClusterTrustBundles")
    return found


def _owned(content: bytes, pod: Obj, default_mode: int) -> PayloadFile:
    """A file only for whom the Pod's containers run as, when the Pod says who that is."""
    user = _only_user(pod)
    restricted = user is not None or (pod["spec"].get("securityContext") or {}).get("fsGroup") is not None
    return PayloadFile(content, 0o600 if restricted else default_mode, user)


def _certificates(texts: Iterable[str]) -> Iterable[str]:
    end = "-----END CERTIFICATE-----"
    for text in texts:
        for block in text.split(end)[:-1]:
            yield block.strip() + "\n" + end + "\n"
