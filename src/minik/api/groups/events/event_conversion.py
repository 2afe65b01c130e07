"""events.k8s.io/v1 Events from and to the v1 Events that are stored: the same object under other field names."""

from minik.api.schema import decode, types
from minik.api.types import Obj

# v1 -> events.k8s.io/v1
_NAMES = {
    "reportingComponent": "reportingController",
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_BACK = {new: old for old, new in _NAMES.items()}


def _renamed(obj: Obj, names: dict[str, str], api_version: str, type_name: str) -> Obj:
    out = {names.get(key, key): value for key, value in obj.items()}
    out["apiVersion"] = api_version
    return decode.prune(out, types.get(type_name))


def from_storage(obj: Obj) -> Obj:
    return _renamed(obj, _NAMES, "events.k8s.io/v1", "io.k8s.api.events.v1.Event")


def to_storage(obj: Obj) -> Obj:
    return _renamed(obj, _BACK, "v1", "io.k8s.api.core.v1.Event")
