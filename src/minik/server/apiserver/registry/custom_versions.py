"""Owners of fields of custom resources across versions.

Owners are kept in the version they wrote. An object that does not fit one of those versions cannot be compared in it:
upstream then gives up all of its managedFields rather than keep wrong ones (fieldmanager's UpdateNoErrors).
"""

import copy

from minik.api.schema import custom_objects
from minik.api.scheme import Resource, Scheme
from minik.api.types import Obj


def fits_all(scheme: Scheme, resource: Resource, live: Obj | None, new: Obj) -> bool:
    """Whether both states of an object have only fields that every owner's version knows."""
    if live is None:
        return True
    entries = live["metadata"].get("managedFields") or ()
    versions = {entry.get("apiVersion", "") for entry in entries} - {resource.api_version}
    for api_version in versions:
        group, _, version = api_version.rpartition("/")
        other = scheme.get(group, version, resource.plural)
        schema = other.shape.structural_schema if other and other.shape else None
        if schema is not None and not all(_fits(obj, schema) for obj in (live, new)):
            return False
    return True


def _fits(obj: Obj, schema: Obj) -> bool:
    content = {key: value for key, value in copy.deepcopy(obj).items() if key != "metadata"}
    return next(custom_objects.prune(content, schema), None) is None


def without_owners(obj: Obj) -> Obj:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}
