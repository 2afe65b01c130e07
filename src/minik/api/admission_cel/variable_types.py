"""The types of a policy's variables: those of their expressions, as far as they are no objects.

Upstream: apiserver's admission/plugin/cel/composition.go, convertCelTypeToDeclType.
"""

from collections.abc import Callable, Sequence

from minik.api.admission_cel.shape_schema import FREE
from minik.api.cel.engine import CelError
from minik.api.types import Obj

_SCALARS: dict[str, Obj] = {
    "STRING": {"type": "string"},
    "INT": {"type": "integer"},
    "DOUBLE": {"type": "number"},
    "BOOL": {"type": "boolean"},
    "BYTES": {"type": "string", "format": "byte"},
    "TIMESTAMP": {"type": "string", "format": "date-time"},
    "DURATION": {"type": "string", "format": "duration"},
}


def schema_of(definitions: Sequence[tuple[str, str]], result_of: Callable[[str, Obj], str]) -> Obj:
    """The schema of `variables`. `definitions`: names and expressions, each of which may mention those before it.

    `result_of`: the type an expression has when `variables` has a schema. Raises CelError.
    """
    properties: Obj = {}
    for name, expression in definitions:
        try:
            result = result_of(expression, {"type": "object", "properties": properties})
        except CelError:
            result = "DYN"  # what is wrong with it is said where it stands
        properties[name] = _schema(result)
    return {"type": "object", "properties": properties}


def _schema(result: str) -> Obj:
    outer, _, inner = result.partition("<")
    inner = inner.removesuffix(">")
    if outer == "LIST":
        return {"type": "array", "items": _schema(inner)}
    if outer == "MAP" and inner.startswith("STRING, "):
        return {"type": "object", "additionalProperties": _schema(inner.removeprefix("STRING, "))}
    return _SCALARS.get(result, FREE)
