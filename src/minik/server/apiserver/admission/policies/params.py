"""The parameter objects that a binding hands to its policy.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#parameter-resources
"""

from collections.abc import Sequence

from minik.api.scheme import Resource, Scheme
from minik.api.selectors import of_object
from minik.api.types import Obj
from minik.server.apiserver.objects import Reader


class ConfigurationError(Exception):
    """A policy or binding that cannot be used as it is; failurePolicy decides what that means."""


class Params:
    """Finds parameters in memory."""

    def __init__(self, objects: Reader, scheme: Scheme) -> None:
        self._objects = objects
        self._scheme = scheme

    def resource(self, kind: Obj | None) -> Resource | None:
        """The resource of a paramKind; None when the policy takes none. Raises ConfigurationError."""
        if not kind:
            return None
        group, _, version = str(kind.get("apiVersion", "")).rpartition("/")
        found = self._scheme.by_kind(group, version, kind.get("kind", ""))
        if found is None:
            shown = f"{group}/{version}, Kind={kind.get('kind', '')}"
            raise ConfigurationError(f"failed to find resource referenced by paramKind: '{shown}'")
        return found

    def collect(self, resource: Resource | None, reference: Obj | None, namespace: str) -> Sequence[Obj | None]:
        """One evaluation of the policy for each. `namespace` is the write's. Raises ConfigurationError."""
        if resource is None or not reference:
            return (None,)
        where = self._namespace(resource, reference, namespace)
        found: Sequence[Obj] = ()
        if reference.get("name"):
            one = self._objects.get(resource.gvr, reference["name"], where)
            found = () if one is None else (one,)
        elif reference.get("selector") is not None:
            try:
                selector = of_object(reference["selector"])
            except ValueError as error:
                raise ConfigurationError(str(error)) from None
            found = [
                obj
                for obj in self._objects.list(resource.gvr, where)
                if selector.matches(obj["metadata"].get("labels"))
            ]
        else:
            raise ConfigurationError("one of name or selector must be provided")
        if not found and reference.get("parameterNotFoundAction") == "Deny":
            raise ConfigurationError("no params found for policy binding with `Deny` parameterNotFoundAction")
        return found

    def _namespace(self, resource: Resource, reference: Obj, namespace: str) -> str:
        given: str = reference.get("namespace") or ""
        if not resource.namespaced:
            if given:
                raise ConfigurationError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
            return ""
        if not given and not namespace:
            raise ConfigurationError(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
            )
        return given or namespace
