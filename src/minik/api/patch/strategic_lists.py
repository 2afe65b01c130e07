"""The order of list items after a strategic merge, and the complaints about lists in a patch.

Precedence: the order the patch asks for ($setElementOrder, else the patch's own), then the live order. Items that only
the server has keep their place relative to the patched ones as far as the live list tells it.
https://git.k8s.io/design-proposals-archive/cli/preserve-order-in-strategic-merge-patch.md
"""

from collections.abc import Sequence
from typing import Any

from minik.api.patch import go_print
from minik.api.status import StatusError, bad_request
from minik.api.types import Obj

DIRECTIVE = "$patch"


def failed(message: str) -> StatusError:
    """An error that upstream does not classify: a 500 without a reason."""
    return StatusError(500, "", message)


def bad_format(what: str) -> StatusError:
    return bad_request(f"Invalid patch format of {what}")


def missing_key(item: Obj, merge_key: str) -> StatusError:
    return failed(f"map: {go_print.plain(item)} does not contain declared merge key: {merge_key}")


def bad_type(wanted: Any, found: Any) -> StatusError:
    return failed(f"expected a {go_print.type_name(wanted)}, but received a {go_print.type_name(found)}")


def item_kind(*lists: list[Any]) -> type:
    """The one type all items have. Raises for mixed lists and lists of lists."""
    kinds = {type(item) for items in lists for item in items}
    if list in kinds:
        raise StatusError(
            422, "Invalid", "the server rejected our request due to an error in our request", has_details=True
        )
    if len(kinds) > 1:
        raise failed(f"list element types are not identical: {go_print.plain(list(lists))}")
    return next(iter(kinds), type(None))


def find(items: Sequence[Any], merge_key: str, value: Any) -> int | None:
    """Where the item with this merge key value is. A merge key of "" compares the items themselves."""
    for index, item in enumerate(items):
        if not merge_key:
            if item == value:
                return index
        elif not isinstance(item, dict):
            raise failed(f"value for key {index} is not a map")
        elif merge_key in item and item[merge_key] == value:
            return index
    return None


def check_order(patch: list[Any], order: list[Any], merge_key: str) -> None:
    """Patched items must stand in $setElementOrder, in the same relative order. Deleted ones need not."""
    if not patch or not order:
        return
    remaining = iter(order)
    for item in patch:
        if isinstance(item, dict) and DIRECTIVE in item:
            continue
        wanted = _key(item, merge_key)
        if not any(_key(listed, merge_key) == wanted for listed in remaining):
            texts = go_print.plain(patch), go_print.plain(order)
            raise failed(f"The order in patch list:\n{texts[0]}\n doesn't match $setElementOrder list:\n{texts[1]}\n")


def _key(item: Any, merge_key: str) -> Any:
    """What an item is known by. Keys that are no scalars, which only broken patches have, as their text."""
    key = _merge_key_value(item, merge_key)
    return go_print.plain(key) if isinstance(key, (dict, list)) else key


def _merge_key_value(item: Any, merge_key: str) -> Any:
    if not merge_key:
        return item
    if not isinstance(item, dict):
        raise bad_type({}, item)
    if merge_key not in item:
        raise missing_key(item, merge_key)
    return item[merge_key]


def ordered(merged: list[Any], wanted: list[Any], live: list[Any], merge_key: str) -> list[Any]:
    """The merged items in their final order. `wanted` and `live` give the two orders by merge key."""
    wanted_at = _positions(wanted, merge_key)
    live_at = _positions(live, merge_key)
    patched = [item for item in merged if _key(item, merge_key) in wanted_at]
    others = [item for item in merged if _key(item, merge_key) not in wanted_at]
    patched.sort(key=lambda item: wanted_at[_key(item, merge_key)])
    others.sort(key=lambda item: live_at.get(_key(item, merge_key), -1))
    result: list[Any] = []
    waiting = iter(patched)
    head = next(waiting, None)
    for item in others:
        at = live_at.get(_key(item, merge_key))
        while head is not None:
            head_at = live_at.get(_key(head, merge_key))
            if at is not None and head_at is not None and at < head_at:
                break
            result.append(head)
            head = next(waiting, None)
        result.append(item)
    if head is not None:
        result += [head, *waiting]
    return result


def _positions(items: list[Any], merge_key: str) -> dict[Any, int]:
    positions: dict[Any, int] = {}
    for index, item in enumerate(items):
        positions.setdefault(_key(item, merge_key), index)
    return positions
