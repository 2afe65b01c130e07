"""Hypothesis strategies: JSON values that nobody expects, and working objects with something broken in them."""

import copy
from typing import Any

from hypothesis import strategies as st

_ODD_TEXT = st.sampled_from(
    ["", " ", "\x00", "a" * 300, "-", ".", "..", "a/b", "é", "\u202e", "1e999", "9" * 30, "100%", "-1", "1Gi", "null"]
) | st.sampled_from(
    ["true", "$(A)", "{}", "*", "0x1f", "2026-01-02T03:04:05Z", "10.0.0.1", "::1", "10.0.0.0/33", "k8s.io/x", "NaN"]
)
_ODD_NUMBERS = st.sampled_from(
    [0, -1, 1, 1.5, -0.0, 1 << 31, 1 << 32, (1 << 63) - 1, -(1 << 63), 1 << 63, 1 << 64, 1e300]
)
SCALARS = st.none() | st.booleans() | _ODD_NUMBERS | _ODD_TEXT | st.integers() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "key", "$patch", "spec", "a", "", "kind"]) | st.text(max_size=3), inner
        )
    ),
    max_leaves=6,
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value but the root."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, item in inner:
        found.append((*at, key))
        found += paths(item, (*at, key))
    return found


@st.composite
def mutated(draw: st.DrawFn, original: Any, *, most: int = 3) -> Any:
    """`original` with one to `most` places changed, dropped, doubled, wrapped or renamed."""
    changed = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, most))):
        places = paths(changed)
        if not places:
            break
        path = draw(st.sampled_from(places))
        parent = changed
        for key in path[:-1]:
            parent = parent[key]
        _mutate(draw, parent, path[-1])
    return changed


def _mutate(draw: st.DrawFn, parent: Any, key: Any) -> None:
    act = draw(st.sampled_from(["value", "value", "drop", "wrap", "double", "rename"]))
    if act == "drop":
        del parent[key]
    elif act == "wrap":
        parent[key] = [parent[key]] if draw(st.booleans()) else {draw(_ODD_TEXT): parent[key]}
    elif act == "double" and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    elif act == "rename" and isinstance(parent, dict):
        parent[draw(_ODD_TEXT)] = parent.pop(key)
    else:
        parent[key] = draw(VALUES)


@st.composite
def damaged(draw: st.DrawFn, original: bytes) -> bytes:
    """Bytes with a few of them changed, dropped, put in or cut off."""
    raw = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(raw) - 1, 0)))
        act = draw(st.sampled_from(["set", "set", "drop", "put", "cut", "repeat"]))
        if act == "set" and raw:
            raw[at] = draw(st.integers(0, 255))
        elif act == "drop":
            del raw[at : at + draw(st.integers(1, 8))]
        elif act == "put":
            raw[at:at] = draw(st.binary(min_size=1, max_size=6))
        elif act == "cut":
            del raw[at:]
        else:
            raw[at:at] = raw[at : at + draw(st.integers(1, 40))]
    return bytes(raw)
