"""How the tests of admission plugins ask: a write as plain arguments."""

from collections.abc import Callable
from typing import Any

import pytest

from minik.api.groups import load
from minik.api.types import GVR, UserInfo
from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation

SCHEME = load()


@pytest.fixture
def write() -> Callable[..., AdmissionAttributes]:
    """A CREATE of `obj` (an UPDATE if `old` is given) in namespace "ns"."""

    def make(plural: str, obj: Any, old: Any = None, **changes: Any) -> AdmissionAttributes:
        group, version = changes.pop("group", ""), changes.pop("version", "v1")
        resource = SCHEME.get(group, version, plural)
        assert resource is not None
        given: dict[str, Any] = {
            "operation": Operation.CREATE if old is None else Operation.UPDATE,
            "gvr": GVR(group, version, plural),
            "kind": resource.kind,
            "name": (obj or old)["metadata"]["name"],
            "namespace": "ns" if resource.namespaced else "",
            "user": UserInfo("jane"),
            "resource": resource,
            "obj": obj,
            "old_obj": old,
        }
        return AdmissionAttributes(**(given | changes))

    return make
