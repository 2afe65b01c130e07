"""TaintNodesByCondition: a new Node takes no Pods before it has said that it is ready.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#taintnodesbycondition
"""

from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, Plugin

_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class TaintNodesByCondition(Plugin):
    name = "TaintNodesByCondition"
    operations = frozenset({CREATE})
    resources = frozenset({("", "nodes")})

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None or attributes.subresource:
            return
        spec = attributes.obj.setdefault("spec", {})
        taints = spec.get("taints") or []
        same = any((t.get("key"), t.get("effect")) == tuple(_NOT_READY.values()) for t in taints)
        if not same:
            spec["taints"] = [*taints, dict(_NOT_READY)]
