"""What every type and field of the Kubernetes API is for, in upstream's words.

They come with the kubernetes-validate package (the published v1.36.0 definitions). They are read only while a document
is being built and nothing keeps them: the parsed file is several megabytes.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

_VERSION = "v1.36.0"


class Descriptions:
    """Texts by type and field. Create one for building documents, and let it go."""

    def __init__(self) -> None:
        self._definitions = _load()

    def of_type(self, name: str) -> str:
        return str(self._definitions.get(name, {}).get("description", ""))

    def of_field(self, name: str, field: str) -> str:
        properties = self._definitions.get(name, {}).get("properties", {})
        return str(properties.get(field, {}).get("description", ""))

    def unions(self, name: str) -> list[Any]:
        """x-kubernetes-unions of a type, which the schema package has no use for."""
        found: list[Any] = self._definitions.get(name, {}).get("x-kubernetes-unions", [])
        return found


def _load() -> dict[str, Any]:
    spec = find_spec("kubernetes_validate")  # found, not imported: the package would bring a JSON Schema library along
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("kubernetes_validate")
    folder = Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema" / f"{_VERSION}-local"
    definitions: dict[str, Any] = orjson.loads((folder / "_definitions.json").read_bytes())["$defs"]
    return definitions
