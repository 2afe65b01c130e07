"""Paths, queries and bodies of requests: what both clients send.

https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from minik.api.status import StatusError
from minik.api.types import GVR, Obj

Query = dict[str, list[str]]


def path(resource: GVR, namespace: str | None, name: str = "", subresource: str = "") -> str:
    """The path of a collection, an object or a subresource; `namespace` None or "" is left out."""
    parts = [f"/apis/{resource.group}" if resource.group else "/api", resource.version]
    if namespace:
        parts += ["namespaces", namespace]
    parts.append(resource.resource)
    if name:
        parts.append(name)
    if subresource:
        parts.append(subresource)
    return "/".join(parts)


def _query(**parameters: str | int | bool) -> Query:
    """Parameters that are set; names in snake_case become camelCase."""
    query: Query = {}
    for name, value in parameters.items():
        if value in ("", 0, False):
            continue
        first, *rest = name.rstrip("_").split("_")
        camel = first + "".join(word.capitalize() for word in rest)
        query[camel] = ["true" if value is True else str(value)]
    return query


def list_query(
    label_selector: str,
    field_selector: str,
    resource_version: str,
    limit: int,
    continue_token: str,
    metric_label_selector: str = "",
) -> Query:
    return _query(
        label_selector=label_selector,
        field_selector=field_selector,
        resource_version=resource_version,
        limit=limit,
        continue_=continue_token,
        metric_label_selector=metric_label_selector,
    )


def watch_query(
    resource_version: str, label_selector: str, field_selector: str, allow_bookmarks: bool, send_initial_events: bool
) -> Query:
    return _query(
        watch=True,
        resource_version=resource_version,
        label_selector=label_selector,
        field_selector=field_selector,
        allow_watch_bookmarks=allow_bookmarks,
        send_initial_events=send_initial_events,
        resource_version_match="NotOlderThan" if send_initial_events else "",
    )


def patch_query(field_manager: str, force: bool) -> Query:
    return _query(field_manager=field_manager, force=force)


def delete_options(grace_period: int | None, propagation_policy: str, uid: str, resource_version: str) -> Obj:
    options: Obj = {"kind": "DeleteOptions", "apiVersion": "v1"}
    if grace_period is not None:
        options["gracePeriodSeconds"] = grace_period
    if propagation_policy:
        options["propagationPolicy"] = propagation_policy
    preconditions = {"uid": uid, "resourceVersion": resource_version}
    if uid or resource_version:
        options["preconditions"] = {key: value for key, value in preconditions.items() if value}
    return options


def status_error(status: Mapping[str, Any], code: int = 500) -> StatusError:
    """The StatusError of a Status object that came over the network."""
    details = status.get("details") or {}
    causes: Sequence[Obj] = details.get("causes") or ()
    return StatusError(
        status.get("code") or code,
        status.get("reason", ""),
        status.get("message", ""),
        name=details.get("name", ""),
        group=details.get("group", ""),
        kind=details.get("kind", ""),
        uid=details.get("uid", ""),
        causes=causes,
        retry_after=details.get("retryAfterSeconds", 0),
        has_details="details" in status,
    )


def raise_watch_error(status: Obj) -> NoReturn:
    raise status_error(status)
