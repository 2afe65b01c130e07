"""The schema of a resource's objects."""

from minik.api.schema import types
from minik.api.schema.types import Shape
from minik.api.scheme import Resource


def shape_of(resource: Resource) -> Shape:
    return types.get(resource.type_name)
