"""What a claim asks for, request by request, with what its device classes add. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minik.api.types import Obj

EVERY = 0  # as a count: all devices that match


class AllocationError(Exception):
    """A claim cannot be allocated, whatever is free. The text is upstream's."""


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """One request, or one alternative of it (`name/subrequest`). `count` EVERY: allocationMode All."""

    name: str
    obj: Obj
    device_class: Obj
    count: int

    @property
    def selectors(self) -> Sequence[str]:
        """Expressions that a device must all satisfy, the class's first."""
        both = [*(self.device_class["spec"].get("selectors") or ()), *(self.obj.get("selectors") or ())]
        return [selector["cel"]["expression"] for selector in both if selector.get("cel")]

    @property
    def is_admin(self) -> bool:
        """For access to devices whoever else uses them."""
        return bool(self.obj.get("adminAccess"))

    @property
    def tolerations(self) -> Sequence[Obj]:
        return self.obj.get("tolerations") or ()


def asks_of(claim: Obj, find_class: Callable[[str], Obj | None]) -> list[list[Ask]]:
    """For each request of the claim its alternatives, the preferred first. Raises AllocationError."""
    found: list[list[Ask]] = []
    for request in (claim["spec"].get("devices") or {}).get("requests") or ():
        name, exactly = request["name"], request.get("exactly")
        if exactly is not None:
            found.append([_ask(claim, name, exactly, find_class)])
        else:
            alternatives = request.get("firstAvailable") or ()
            found.append([_ask(claim, f"{name}/{each['name']}", each, find_class) for each in alternatives])
    return found


def _ask(claim: Obj, name: str, obj: Obj, find_class: Callable[[str], Obj | None]) -> Ask:
    wanted = obj.get("deviceClassName") or ""
    device_class = find_class(wanted)
    if device_class is None:
        raise AllocationError(f"request {name}: device class {wanted} does not exist")
    return Ask(name, obj, device_class, EVERY if obj.get("allocationMode") == "All" else obj.get("count") or 1)
