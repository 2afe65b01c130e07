"""downwardAPI volumes: files about the Pod itself. https://kubernetes.io/docs/concepts/workloads/pods/downward-api/"""

from minik.agent.kubelet.downward import FieldError, container_named, pod_field, resource_field
from minik.agent.kubelet.volumes.volume import Payload, PayloadFile, VolumeContext, VolumeError
from minik.api.types import Obj

PLUGIN, MEMORY = "downward-api", True


async def payload(source: Obj, context: VolumeContext, default_mode: int) -> Payload:
    """`source` is a DownwardAPIVolumeSource or DownwardAPIProjection."""
    result = Payload()
    for item in source.get("items") or ():
        mode = item.get("mode")
        content = _value(item, context).encode()
        result.files[item["path"]] = PayloadFile(content, default_mode if mode is None else mode)
    return result


def _value(item: Obj, context: VolumeContext) -> str:
    try:
        if item.get("fieldRef"):
            return pod_field(context.pod, item["fieldRef"]["fieldPath"], context.node, context.pod_ips)
        reference = item["resourceFieldRef"]
        container = container_named(context.pod, reference.get("containerName", ""))
        return resource_field(container, reference["resource"], reference.get("divisor") or "", context.node)
    except FieldError as error:
        raise VolumeError(str(error)) from error
