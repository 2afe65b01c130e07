"""matchAttribute and distinctAttribute: what the devices of a claim must share or not share. Pure."""

from collections.abc import Sequence

from minik.api.types import Obj
from minik.server.scheduler.dynamic_resources.pools import Device


class Constraint:
    """One constraint over the devices chosen so far. `add` and `remove` come in pairs, the last added first."""

    def __init__(self, spec: Obj) -> None:
        self._requests: Sequence[str] = spec.get("requests") or ()
        self._match: str = spec.get("matchAttribute") or ""
        self._name: str = self._match or spec.get("distinctAttribute") or ""
        self._values: list[tuple[tuple[str, object], ...]] = []

    def add(self, request: str, device: Device) -> bool:
        """False when the device breaks the constraint; it is not added then. `request` may be `name/subrequest`."""
        if not self._concerns(request):
            return True
        value = _value(device, self._name)
        if value is None:
            return False
        if self._values and (value != self._values[0] if self._match else value in self._values):
            return False
        self._values.append(value)
        return True

    def remove(self, request: str) -> None:
        if self._concerns(request):
            self._values.pop()

    def _concerns(self, request: str) -> bool:
        return not self._requests or request in self._requests or request.partition("/")[0] in self._requests


def _value(device: Device, name: str) -> tuple[tuple[str, object], ...] | None:
    """Type and value of an attribute."""
    attribute = device.attribute(name)
    return tuple(sorted(attribute.items())) if attribute else None
