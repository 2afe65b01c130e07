"""componentstatuses: deprecated, but `kubectl get cs` still asks.

What runs in this process is healthy as long as it answers; the store is asked.
"""

from minik.api.request import Request, Response
from minik.api.status import StatusError, method_not_supported
from minik.api.types import Obj
from minik.server.apiserver.handlers.health import Check
from minik.server.apiserver.registry import answer, table
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.selection import of_call


async def _well() -> str:
    return ""


class ComponentStatuses:
    """Serves the virtual resource. `store_check` returns what is wrong with the store, "" if nothing."""

    def __init__(self, store_check: Check) -> None:
        self._checks: dict[str, Check] = {
            "controller-manager": _well,
            "scheduler": _well,
            "etcd-0": store_check,
        }

    async def serve(self, _registry: Registry, call: Call) -> Response:
        if call.info.verb == "get":
            if call.name not in self._checks:
                raise StatusError(500, "", f"Component not found: {call.name}")  # a plain error upstream too
            return answer.document(call, 200, await self._status(call.name))
        if call.info.verb != "list":
            raise method_not_supported("", call.resource.plural, call.info.verb)
        selection = of_call(call)
        objects = [obj for name in self._checks if selection.matches(obj := await self._status(name))]
        return _listed(call, call.request, objects)

    async def _status(self, name: str) -> Obj:
        trouble = await self._checks[name]()
        condition: Obj = {"type": "Healthy", "status": "False" if trouble else "True", "message": trouble or "ok"}
        if trouble:
            condition |= {"message": "", "error": trouble}
        return {"kind": "ComponentStatus", "apiVersion": "v1", "metadata": {"name": name}, "conditions": [condition]}


def _listed(call: Call, request: Request, objects: list[Obj]) -> Response:
    if request.local:
        return Response(items=objects, warnings=call.warnings)
    if call.form.kind:
        content = table.transform(call, objects, {}, is_list=True)
    else:
        items = [{key: value for key, value in obj.items() if key not in ("kind", "apiVersion")} for obj in objects]
        content = {"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": items}
    return answer.encoded(200, content, call.form, call.warnings)
