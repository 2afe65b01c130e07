"""projected volumes: several sources in one directory, among them the rotating service account token.

https://kubernetes.io/docs/concepts/storage/projected-volumes/
"""

from collections.abc import Iterable

from minik.agent.kubelet import quantities
from minik.agent.kubelet.volumes import config_map, downward_api, secret
from minik.agent.kubelet.volumes.volume import Payload, PayloadFile, VolumeContext, VolumeError
from minik.api.types import GVR, Obj

PLUGIN, MEMORY = "projected", True
CLUSTER_TRUST_BUNDLES = GVR("certificates.k8s.io", "v1beta1", "clustertrustbundles")


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
    user = _only_user(context.pod)
    pod_context = context.pod["spec"].get("securityContext") or {}
    restricted = user is not None or pod_context.get("fsGroup") is not None
    mode = 0o600 if restricted else default_mode
    return Payload({source["path"]: PayloadFile(token.value.encode(), mode, user)}, token.renew_at)


def _only_user(pod: Obj) -> int | None:
    """The user all containers run as, when the Pod says so: it then owns the token file."""
    pod_user = (pod["spec"].get("securityContext") or {}).get("runAsUser")
    users = {
        (container.get("securityContext") or {}).get("runAsUser", pod_user)
        for container in quantities.all_containers(pod)
    }
    return users.pop() if len(users) == 1 else None


async def _trust_bundle(source: Obj, context: VolumeContext, default_mode: int) -> Payload:
    bundles: list[Obj] = []
    if source.get("name"):
        found = await context.objects.get(context.uid, CLUSTER_TRUST_BUNDLES, "", source["name"])
        bundles = [found] if found else []
    else:
        listed = await context.client.list(
            CLUSTER_TRUST_BUNDLES,
            label_selector=_selector_text(source.get("labelSelector") or {}),
            field_selector=f"spec.signerName={source.get('signerName', '')}",
        )
        bundles = list(listed.items)
    if not bundles and not source.get("optional"):
        name = source.get("name") or source.get("signerName", "")
        raise VolumeError(f'clustertrustbundle "{name}" not found')
    text = "".join(dict.fromkeys(_certificates(bundle["spec"]["trustBundle"] for bundle in bundles)))
    return Payload({source["path"]: PayloadFile(text.encode(), default_mode)})


def _certificates(texts: Iterable[str]) -> Iterable[str]:
    end = "-----END CERTIFICATE-----"
    for text in texts:
        for block in text.split(end)[:-1]:
            yield block.strip() + "\n" + end + "\n"


def _selector_text(selector: Obj) -> str:
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for rule in selector.get("matchExpressions") or ():
        key, operator, values = rule["key"], rule["operator"], ",".join(rule.get("values") or ())
        words = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        parts.append(words[operator])
    return ",".join(parts)
