"""Why a JSON patch does not apply, in the words of upstream's library.

A PATCH request is only told that it failed; admission policies say why.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from minik.api.patch import json_patch
from minik.api.status import StatusError
from minik.api.types import Obj


class PatchFailed(ValueError):
    """The text says which operation found what missing."""


class UnmetTest(PatchFailed):
    """A `test` operation found something else, so the patch as a whole is not meant."""


def apply(obj: Obj, operations: Sequence[Mapping[str, Any]]) -> Obj:
    """Like json_patch.apply, but raises PatchFailed."""
    for operation in operations:
        try:
            obj = json_patch.apply(obj, [operation])
        except StatusError:
            if operation.get("op") == "test":
                raise UnmetTest(_unmet(obj, operation.get("path", ""))) from None
            raise PatchFailed(_reason(obj, operation)) from None
    return obj


def _unmet(document: Obj, path: str) -> str:
    container = _container(document, path)
    if container is None:
        return f"test operation does not apply: is missing path: {path}: missing value"
    if isinstance(container, list):
        wrong = _wrong_index(container, path.rpartition("/")[2])
        if wrong:
            return f"error in test for path: '{path}': {wrong}"
    return f"testing value {path} failed: test failed"


def _reason(document: Obj, operation: Mapping[str, Any]) -> str:
    name = operation.get("op", "")
    path = operation.get("path", "")
    match name:
        case "add" | "remove":
            return _at_end(document, path, name, f'{name} operation does not apply: doc is missing path: "{path}"')
        case "replace":
            if _container(document, path) is None:
                return f"replace operation does not apply: doc is missing path: {path}: missing value"
            return f"replace operation does not apply: doc is missing key: {path}: missing value"
        case "move" | "copy":
            source = operation.get("from", "")
            if _container(document, source) is None:
                return f"{name} operation does not apply: doc is missing from path: {source}: missing value"
            if _container(document, path) is None:
                return f"{name} operation does not apply: doc is missing destination path: {path}: missing value"
            return _at_end(document, source, name, "")
    return f"Unexpected kind: {name}"


def _at_end(document: Obj, path: str, name: str, nowhere: str) -> str:
    """What is wrong with the last member of a path."""
    container = _container(document, path)
    key = path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    if container is None:
        return f"{nowhere}: missing value"
    where = f"error in {name} for path: '{path}': "
    if isinstance(container, dict):
        return f"{where}Unable to remove nonexistent key: {key}: missing value"
    return where + (_wrong_index((), key) or "")


def _wrong_index(items: Sequence[Any], key: str) -> str:
    """What is wrong with an index; "" if nothing is."""
    try:
        index = int(key)
    except ValueError:
        return f'strconv.Atoi: parsing "{key}": invalid syntax'
    if -len(items) <= index < len(items):
        return ""
    return f"Unable to access invalid index: {index}: invalid index"


def _container(document: Any, path: str) -> Any:
    """What holds the last member of a path; None if there is nothing there that could."""
    for segment in path.split("/")[1:-1]:
        key = segment.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and key.lstrip("-").isdigit() and -len(document) <= int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document if isinstance(document, (dict, list)) else None
