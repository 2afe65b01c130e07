"""The schema of a resource's objects."""

from minik.api.schema import decode
from minik.api.schema.types import Shape
from minik.api.scheme import Resource


def shape_of(resource: Resource) -> Shape:
    return decode.shape_of(resource)
