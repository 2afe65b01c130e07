"""configMap volumes. https://kubernetes.io/docs/concepts/storage/volumes/#configmap"""

import base64

from minik.agent.kubelet.volumes.volume import Payload, VolumeContext, VolumeError, selected_files
from minik.api.types import Obj
from minik.client.resources import CONFIG_MAPS

PLUGIN, MEMORY = "configmap", False


async def payload(source: Obj, context: VolumeContext, default_mode: int) -> Payload:
    """`source` is a ConfigMapVolumeSource or ConfigMapProjection."""
    name, optional = source.get("name", ""), bool(source.get("optional"))
    config_map = await context.objects.get(context.uid, CONFIG_MAPS, context.namespace, name)
    if config_map is None:
        if optional:
            return Payload()
        raise VolumeError(f'configmap "{name}" not found')
    data = {key: text.encode() for key, text in (config_map.get("data") or {}).items()}
    data |= {key: base64.b64decode(text) for key, text in (config_map.get("binaryData") or {}).items()}
    return selected_files(data, source.get("items"), default_mode, optional=optional, what="configmap")
