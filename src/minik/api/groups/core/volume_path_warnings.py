"""Warnings about files of one volume that get in each other's way: the same path, or one below the other.

Order and texts are upstream's (pkg/api/pod warnings), with what it does by accident: a source without paths repeats
the complaints about the source before it.
"""

import json
from collections.abc import Iterator, Sequence

from minik.api.types import Obj


def _collision(taken: Sequence[str], path: str) -> str:
    for other in taken:
        if not other or not path:
            return ""
        if f"{other}/".startswith(f"{path}/") or f"{path}/".startswith(f"{other}/"):
            return other
    return ""


def _overlaps(paths: Sequence[str], what: str) -> Iterator[str]:
    if len(paths) < 2:
        return
    taken: list[str] = []
    for path in (each.rstrip("/") for each in paths):
        other = _collision(taken, path)
        if other:
            yield f"{what}: overlapping paths: {json.dumps(path)} with {json.dumps(other)}"
        taken.append(path)


def _item_paths(source: Obj) -> list[str]:
    return [item.get("path", "") for item in source.get("items") or ()]


def _projection(source: Obj) -> tuple[list[str], str] | None:
    """The paths of a source and what it is called; None: it names no paths."""
    for kind, shown in (("configMap", "ConfigMap"), ("secret", "Secret"), ("downwardAPI", "DownwardAPI")):
        body = source.get(kind)
        if body is not None and body.get("items") is not None:
            name = f" {json.dumps(body.get('name', ''))}" if kind != "downwardAPI" else ""
            return _item_paths(body), f"Projected {shown}{name}"
    if source.get("serviceAccountToken") is not None:
        return [source["serviceAccountToken"].get("path", "")], "Projected ServiceAccountToken"
    bundle = source.get("clusterTrustBundle")
    if bundle is not None:
        name = bundle.get("name") if bundle.get("name") is not None else bundle.get("signerName", "")
        return [bundle.get("path", "")], f"Projected ClusterTrustBundle {json.dumps(name)}"
    return None


def _projected_warnings(volume: Obj, what: str) -> Iterator[str]:
    everything: set[str] = set()
    paths: list[str] = []
    called = ""
    for source in volume["projected"].get("sources") or ():
        if all(value is None for value in source.values()):
            yield f"{what} (Projected) has no sources provided"
            continue
        paths, called = _projection(source) or (paths, called)
        if not paths:
            continue
        yield from _overlaps(paths, f"{what} ({called})")
        own = set(paths)
        yield from _overlaps(sorted([*own, *everything]), f"{what} ({called})")
        everything |= own


def path_warnings(spec: Obj) -> Iterator[str]:
    """Of a Pod's spec."""
    for volume in spec.get("volumes") or ():
        what = f"volume {json.dumps(volume.get('name', ''))}"
        for kind, shown, key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            if volume.get(kind) is not None:
                name = json.dumps(volume[kind].get(key, ""))
                yield from _overlaps(_item_paths(volume[kind]), f"{what} ({shown} {name})")
        if volume.get("downwardAPI") is not None:
            yield from _overlaps(_item_paths(volume["downwardAPI"]), f"{what} (DownwardAPI)")
        if volume.get("projected") is not None:
            yield from _projected_warnings(volume, what)
