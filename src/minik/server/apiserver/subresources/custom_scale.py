"""Where a custom resource keeps what a Scale says: at the paths its definition names.

Upstream: apiextensions-apiserver's registry/customresource ScaleREST.
"""

from typing import Any

from minik.api.crd.validation import nested
from minik.api.scheme import Resource
from minik.api.status import internal_error
from minik.api.types import Obj
from minik.server.apiserver.subresources.scaling import Scaling


def scaling_of(resource: Resource) -> Scaling:
    """Raises StatusError 500 when an object does not have the replicas asked for."""
    paths = resource.scale_paths or {}
    spec_path = paths.get("specReplicasPath", "")

    def set_replicas(obj: Obj, replicas: int) -> None:
        _put(obj, spec_path, replicas)

    def check(obj: Obj) -> None:
        if nested(obj, spec_path) is None:
            raise internal_error(f'the spec replicas field "{spec_path}" does not exist')

    return Scaling(
        replicas=lambda obj: nested(obj, spec_path) or 0,
        set_replicas=set_replicas,
        status_replicas=lambda obj: nested(obj, paths.get("statusReplicasPath", "")) or 0,
        selector=lambda obj: _text(obj, paths.get("labelSelectorPath", "")),
        path=tuple(spec_path.removeprefix(".").split(".")),
        check=check,
        is_unset=lambda obj: nested(obj, spec_path) is None,
        own_validation=True,
    )


def _text(obj: Obj, path: str) -> str:
    found = nested(obj, path) if path else None
    return found if isinstance(found, str) else ""


def _put(obj: Obj, path: str, value: Any) -> None:
    *parents, last = path.removeprefix(".").split(".")
    for name in parents:
        inner = obj.get(name)
        obj[name] = inner = dict(inner) if isinstance(inner, dict) else {}
        obj = inner
    obj[last] = value
