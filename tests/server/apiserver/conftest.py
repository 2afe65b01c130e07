"""What the tests of the API server share: its objects as a dict."""

from collections.abc import Callable, Sequence

import pytest

from minik.api.types import GVR, Obj


class DictObjects:
    """`objects.Reader` over a dict."""

    def __init__(self) -> None:
        self.by_key: dict[tuple[str, str, str], Obj] = {}

    def add(self, plural: str, obj: Obj) -> Obj:
        metadata = obj["metadata"]
        metadata.setdefault("uid", f"uid-{metadata['name']}")
        self.by_key[plural, metadata.get("namespace", ""), metadata["name"]] = obj
        return obj

    def remove(self, plural: str, name: str, namespace: str = "") -> None:
        del self.by_key[plural, namespace, name]

    def get(self, resource: GVR, name: str, namespace: str = "") -> Obj | None:
        return self.by_key.get((resource.resource, namespace, name))

    def list(self, resource: GVR, namespace: str = "") -> Sequence[Obj]:
        return [
            obj
            for (plural, where, _), obj in sorted(self.by_key.items())
            if plural == resource.resource and namespace in ("", where)
        ]

    async def wait_for(self, resource: GVR, name: str, namespace: str, seconds: float) -> Obj | None:
        return self.get(resource, name, namespace)


@pytest.fixture
def objects() -> DictObjects:
    return DictObjects()


@pytest.fixture
def named() -> Callable[..., Obj]:
    """An object with a name, a namespace ("ns" unless said) and whatever else is given."""

    def make(name: str, namespace: str = "ns", /, **content: object) -> Obj:
        metadata: Obj = {"name": name}
        if namespace:
            metadata["namespace"] = namespace
        return {"metadata": metadata, **content}

    return make
