"""secret volumes, kept in memory. https://kubernetes.io/docs/concepts/storage/volumes/#secret"""

import base64

from minik.agent.kubelet.volumes.volume import Payload, VolumeContext, VolumeError, selected_files
from minik.api.types import Obj
from minik.client.resources import SECRETS

PLUGIN, MEMORY = "secret", True


async def payload(source: Obj, context: VolumeContext, default_mode: int) -> Payload:
    """`source` is a SecretVolumeSource (secretName) or SecretProjection (name)."""
    name, optional = source.get("secretName") or source.get("name", ""), bool(source.get("optional"))
    secret = await context.objects.get(context.uid, SECRETS, context.namespace, name)
    if secret is None:
        if optional:
            return Payload()
        raise VolumeError(f'secret "{name}" not found')
    data = {key: base64.b64decode(text) for key, text in (secret.get("data") or {}).items()}
    return selected_files(data, source.get("items"), default_mode, optional=optional, what="secret")
