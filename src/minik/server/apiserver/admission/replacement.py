"""Puts what a webhook or policy made of an object in its place."""

import orjson

from minik.api.types import Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes


def carries_own_kind(attributes: AdmissionAttributes) -> bool:
    """Whether the write carries an object of the resource itself, not what a subresource speaks (a Scale)."""
    obj = attributes.obj
    return obj is not None and attributes.kind == attributes.resource.kind and obj.get("kind") == attributes.kind


def replace_object(attributes: AdmissionAttributes, new: Obj | None) -> bool:
    """Change `attributes.obj` in place to `new` with defaults. Tells whether it differs now."""
    obj = attributes.obj
    assert obj is not None
    assert new is not None
    before = orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)
    own = carries_own_kind(attributes)
    content = orjson.loads(orjson.dumps(new))
    obj.clear()
    obj |= content
    if own:
        attributes.resource.strategy.default(obj)
    return orjson.dumps(obj, option=orjson.OPT_SORT_KEYS) != before
