"""Type checks ValidatingAdmissionPolicies and says in their status what it found.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking
"""

from collections.abc import Iterable, Sequence
from itertools import product

from minik.api.schema import types
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.discovery import ApiResource, Discovery

POLICIES = GVR("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies")
DEFINITIONS = GVR("apiextensions.k8s.io", "v1", "customresourcedefinitions")
_MOST_KINDS = 10  # checked of one policy


def resources_of(spec: Obj) -> Iterable[GVR]:
    """The resources that a policy's rules name outright."""
    for rule in (spec.get("matchConstraints") or {}).get("resourceRules") or ():
        groups, versions = sorted(rule.get("apiGroups") or ()), sorted(rule.get("apiVersions") or ())
        plurals = sorted(name for name in rule.get("resources") or () if "*" not in name and "/" not in name)
        if not any("*" in name for name in (*groups, *versions)):
            yield from (GVR(*parts) for parts in product(groups, versions, plurals))


class ValidatingAdmissionPolicyStatusController(Controller):
    name = "validatingadmissionpolicy-status-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._discover = context.discover
        self._policies = self.watch(context.informers.of(POLICIES))

    async def reconcile(self, key: str) -> float | None:
        policy = self._policies.get(key)
        if policy is None:
            return None
        generation = policy["metadata"].get("generation", 0)
        if (policy.get("status") or {}).get("observedGeneration", 0) == generation:
            return None
        found = await self._warnings(policy["spec"])
        checking = {"expressionWarnings": found} if found else {"expressionWarnings": None}
        status = {"observedGeneration": generation, "typeChecking": checking}
        version = policy["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version}, "status": status}
        await self._client.patch(
            POLICIES, key, patch, patch_type=MERGE_PATCH, subresource="status", field_manager=self.name
        )
        return None

    async def _warnings(self, spec: Obj) -> Sequence[Obj]:
        # It brings the CEL engine, which nobody needs without a policy.
        from minik.api.admission_cel.type_checking import CheckedKind, warnings

        discovery = await self._discover()
        by_resource = {resource.gvr: resource for resource in discovery.kinds.values()}
        wanted = {by_resource[gvr] for gvr in resources_of(spec) if gvr in by_resource}
        kinds = []
        for resource in sorted(wanted, key=lambda found: (found.gvr.group, found.gvr.version, found.kind)):
            schema = await self._schema(resource)
            if schema is not None:
                name = f"{resource.gvr.group}/{resource.gvr.version}, Kind={resource.kind}"
                kinds.append(CheckedKind(name, schema))
        return warnings(spec, kinds[:_MOST_KINDS], await self._params(spec, discovery))

    async def _params(self, spec: Obj, discovery: Discovery) -> Obj | None:
        kind = spec.get("paramKind")
        resource = discovery.kinds.get((kind.get("apiVersion", ""), kind.get("kind", ""))) if kind else None
        return None if resource is None else await self._schema(resource)

    async def _schema(self, resource: ApiResource) -> Obj | None:
        """None when nothing is known about the fields."""
        from minik.api.admission_cel.shape_schema import schema_of

        gvr = resource.gvr
        name = types.name_of(gvr.group, gvr.version, resource.kind)
        if name is not None:
            return schema_of(types.get(name))
        try:
            definition = await self._client.get(DEFINITIONS, f"{gvr.resource}.{gvr.group}")
        except StatusError as error:
            if error.code != 404:
                raise
            return None
        for version in definition["spec"].get("versions") or ():
            schema = (version.get("schema") or {}).get("openAPIV3Schema")
            if version.get("name") == gvr.version and schema is not None:
                metadata = schema_of(types.get("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"))
                own: Obj = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": metadata}
                return {**schema, "properties": {**(schema.get("properties") or {}), **own}}
        return None
