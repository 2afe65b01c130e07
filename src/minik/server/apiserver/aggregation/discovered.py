"""What an aggregated API server says it serves, and how that goes into this server's own discovery documents.

Pure. Aggregated discovery is made from the plain resource list, which holds the same facts.
"""

from collections.abc import Mapping

from minik.api.types import Obj

GroupVersion = tuple[str, str]


def resources_of(document: Obj, group: str, version: str) -> list[Obj]:
    """The `resources` of aggregated discovery from an APIResourceList."""
    found: dict[str, Obj] = {}
    for listed in document.get("resources") or ():
        if "/" not in listed["name"]:
            found[listed["name"]] = _resource(listed, group, version)
    for listed in document.get("resources") or ():
        parent, _, name = listed["name"].partition("/")
        if not name:
            continue
        whole = found.setdefault(parent, {"resource": parent, "scope": _scope(listed), "verbs": []})
        whole.setdefault("subresources", []).append(
            {
                "subresource": name,
                "responseKind": _kind(listed, group, version),
                "verbs": sorted(listed.get("verbs") or ()),
            }
        )
    return list(found.values())


def _resource(listed: Obj, group: str, version: str) -> Obj:
    out: Obj = {
        "resource": listed["name"],
        "responseKind": _kind(listed, group, version),
        "scope": _scope(listed),
        "singularResource": listed.get("singularName") or "",
        "verbs": sorted(listed.get("verbs") or ()),
    }
    if listed.get("shortNames"):
        out["shortNames"] = list(listed["shortNames"])
    if listed.get("categories"):
        out["categories"] = list(listed["categories"])
    return out


def _scope(listed: Obj) -> str:
    return "Namespaced" if listed.get("namespaced") else "Cluster"


def _kind(listed: Obj, group: str, version: str) -> Obj:
    return {"group": listed.get("group") or group, "version": listed.get("version") or version, "kind": listed["kind"]}


def completed(document: Obj, known: Mapping[GroupVersion, list[Obj]]) -> Obj:
    """An APIGroupDiscoveryList whose stale versions have the resources that are known of them."""
    for group in document["items"]:
        name = group["metadata"].get("name", "")
        for at, version in enumerate(group["versions"]):
            resources = known.get((name, version["version"]))
            if resources is not None:
                group["versions"][at] = {
                    "version": version["version"],
                    "resources": resources,
                    "freshness": "Current",
                }
    return document
