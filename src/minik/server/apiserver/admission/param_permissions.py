"""Whoever makes a policy take parameters must be allowed to read these parameters.

Upstream checks this in the registries of policies and their bindings, after validation; the first validating plugin
stands at the same place. https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from minik.api.scheme import Resource, Scheme
from minik.api.types import GVR, Obj, UserInfo
from minik.api.validation import forbidden, invalid
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, UPDATE, Plugin
from minik.server.apiserver.attributes import Attributes, Authorize
from minik.server.apiserver.objects import Reader

_GROUP = "admissionregistration.k8s.io"
# the plural of bindings -> that of their policies
_POLICIES = {
    "validatingadmissionpolicybindings": "validatingadmissionpolicies",
    "mutatingadmissionpolicybindings": "mutatingadmissionpolicies",
}


class ParamPermissions(Plugin):
    name = "ParamPermissions"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset((_GROUP, plural) for pair in _POLICIES.items() for plural in pair)

    def __init__(self, objects: Reader, scheme: Scheme, authorize: Authorize) -> None:
        self._objects = objects
        self._scheme = scheme
        self._authorize = authorize

    async def validate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None or attributes.subresource or "system:masters" in attributes.user.groups:
            return
        spec, before = attributes.obj["spec"], (attributes.old_obj or {}).get("spec") or {}
        if attributes.gvr.resource in _POLICIES:
            field, problem = "paramRef", await self._about_reference(attributes, spec, before)
        else:
            field, problem = "paramKind", await self._about_kind(attributes.user, spec, before)
        if problem:
            name = attributes.obj["metadata"].get("name", "")
            raise invalid(_GROUP, attributes.resource.kind, name, [forbidden(f"spec.{field}", problem)])

    async def _about_kind(self, user: UserInfo, spec: Obj, before: Obj) -> str:
        kind = spec.get("paramKind")
        if kind is None or kind == before.get("paramKind"):
            return ""
        resource, group, version = self._named(kind)
        if await self._may(user, "get", group, version, resource, "*", "*"):
            return ""
        shown = f"(kind={kind.get('kind', '')}, apiVersion={kind.get('apiVersion', '')})"
        return f'user {_shown(user)} must have "get" permission on all objects of the referenced paramKind {shown}'

    async def _about_reference(self, attributes: AdmissionAttributes, spec: Obj, before: Obj) -> str:
        reference = spec.get("paramRef")
        same = all(spec.get(key) == before.get(key) for key in ("paramRef", "policyName"))
        if reference is None or same:
            return ""
        policy = self._policy(attributes.gvr.resource, spec.get("policyName", ""))
        kind = ((policy or {}).get("spec") or {}).get("paramKind")
        resource, group, version = self._named(kind)
        verb = "get" if reference.get("name") else "list"
        user, where = attributes.user, reference.get("namespace", "")
        if await self._may(user, verb, group, version, resource, where, reference.get("name", "")):
            return ""
        everything = f'user {_shown(user)} does not have "{verb}" permission for all groups, versions and resources'
        need = "to determine minimum required permissions and"
        if policy is None:
            return f"unable to get policy {spec.get('policyName', '')} {need} {everything}"
        if kind is not None and resource == "*":
            doing = "parse" if group == "*" else "resolve"
            shown = f"&{{{kind.get('apiVersion', '')} {kind.get('kind', '')}}}"
            return f"unable to {doing} paramKind {shown} {need} {everything}"
        return f'user {_shown(user)} does not have "{verb}" permission on the object referenced by paramRef'

    def _policy(self, bindings: str, name: str) -> Obj | None:
        for version in ("v1", "v1beta1"):
            found = self._objects.get(GVR(_GROUP, version, _POLICIES[bindings]), name)
            if found is not None:
                return found
        return None

    def _named(self, kind: Obj | None) -> tuple[str, str, str]:
        """(resource, group, version) of a paramKind, "*" for what cannot be told."""
        api_version = (kind or {}).get("apiVersion", "")
        if kind is None or api_version.count("/") > 1:
            return "*", "*", "*"
        group, _, version = api_version.rpartition("/")
        found: Resource | None = self._scheme.by_kind(group, version, kind.get("kind", ""))
        return found.plural if found else "*", group, version

    async def _may(
        self, user: UserInfo, verb: str, group: str, version: str, resource: str, namespace: str, name: str
    ) -> bool:
        question = Attributes(
            user=user,
            verb=verb,
            resource_request=True,
            namespace=namespace,
            api_group=group,
            api_version=version,
            resource=resource,
            name=name,
        )
        return (await self._authorize(question)).allowed


def _shown(user: UserInfo) -> str:
    """A user as Go prints one."""
    extra = " ".join(f"{key}:[{' '.join(values)}]" for key, values in sorted(user.extra.items()))
    return f"&{{{user.name} {user.uid} [{' '.join(user.groups)}] map[{extra}]}}"
