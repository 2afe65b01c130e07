"""Asks admission about connections: exec, attach, port-forward and proxy are CONNECT with their options as object."""

from typing import Any

from minik.api.types import Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.request_info import truthy

_KINDS = {
    ("pods", "exec"): "PodExecOptions",
    ("pods", "attach"): "PodAttachOptions",
    ("pods", "portforward"): "PodPortForwardOptions",
    ("pods", "proxy"): "PodProxyOptions",
    ("services", "proxy"): "ServiceProxyOptions",
    ("nodes", "proxy"): "NodeProxyOptions",
}


async def admit(registry: Registry, call: Call) -> None:
    """Raises StatusError when admission refuses the connection."""
    subresource = call.info.subresource
    kind = _KINDS[call.resource.plural, subresource]
    attributes = AdmissionAttributes(
        operation=Operation.CONNECT,
        gvr=call.resource.gvr,
        kind=kind,
        name=call.name,
        user=call.user,
        resource=call.resource,
        namespace=call.namespace,
        subresource=subresource,
        obj={"kind": kind, "apiVersion": "v1", **_options(call, subresource)},
        warnings=call.warnings,
        annotations=call.annotations,
    )
    await registry.admission.mutate(attributes)
    await registry.admission.validate(attributes)


def _options(call: Call, subresource: str) -> Obj:
    """The query as the options' kind has it; what is false or empty is left out."""
    given: dict[str, Any]
    if subresource == "proxy":
        given = {"path": call.info.rest}
    elif subresource == "portforward":
        given = {"ports": [int(port) for port in call.parameters("ports") if port.isdigit()]}
    else:
        given = {name: truthy(call.request.query, name) for name in ("stdin", "stdout", "stderr", "tty")}
        given["container"] = call.parameter("container")
        if subresource == "exec":
            given["command"] = list(call.parameters("command"))
    return {name: value for name, value in given.items() if value}
