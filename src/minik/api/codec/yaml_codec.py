"""YAML to JSON values and back, as sigs.k8s.io/yaml does it.

Plain scalars resolve as in go-yaml v2 (YAML 1.1 without base 60 numbers, dates stay text), keys become strings, and
the error texts are libyaml's, which go-yaml shares. PyYAML is imported on first use: most requests are JSON.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from minik.api.codec.json_codec import MAX_DEPTH

_TRUE = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}
_FALSE = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}
_NULL = {"", "~", "null", "Null", "NULL"}
_INFINITY = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_FLOAT = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?|[-+]?[0-9]+\.([eE][-+]?[0-9]+)?", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d?-\d\d?([Tt ].*)?$", re.ASCII)
_INTEGERS = float(1 << 63)  # larger whole floats stay floats
_MOST_NODES = 400_000  # aliases expanded; a request body of 3 MB without aliases stays below


class YAMLError(ValueError):
    """Malformed YAML. `str()` is go-yaml's text."""


def loads(raw: bytes) -> tuple[Any, list[str]]:
    """The first document as a JSON value, and complaints about repeated keys. Raises YAMLError."""
    import yaml

    try:
        return _Builder().read(yaml.parse(raw, Loader=_loader()))
    except yaml.YAMLError as error:
        raise YAMLError(_text(error)) from None


def dumps(value: Any) -> bytes:
    """Block YAML with sorted keys, quoted where go-yaml quotes."""
    import yaml

    text: str = yaml.dump(value, Dumper=_dumper(), default_flow_style=False, allow_unicode=True, width=1 << 30)
    return text.encode()


@cache
def _dumper() -> Any:
    """Strings that would read as something else go into double quotes, lines into a block; nothing is an alias."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent(dumper: Any, text: str) -> Any:
        style = "|" if "\n" in text else None
        if not text or not isinstance(resolve(text), str) or _TIMESTAMP.match(text):
            style = '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return Dumper


@cache
def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _text(error: Exception) -> str:
    """libyaml counts lines from zero and go-yaml prints what it finds without adding one, except for the scanner."""
    import yaml

    if not isinstance(error, yaml.MarkedYAMLError):
        return f"yaml: {getattr(error, 'reason', error)}"
    scanner = isinstance(error, yaml.scanner.ScannerError)
    line = error.context_mark.line if error.context_mark else 0
    line = line or (error.problem_mark.line if error.problem_mark else 0)
    where = f"line {line + scanner}: " if line else ""
    return f"yaml: {where}{error.problem or 'unknown problem parsing YAML content'}"


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet. `key` and `line` belong to the entry being read."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    size: int = 1
    waits_for_value: bool = False
    key: str | None = None  # None: the merge key
    line: int = 0
    inherited: dict[str, Any] = field(default_factory=dict)

    def finished(self) -> Any:
        return {**self.inherited, **self.value} if isinstance(self.value, dict) else self.value


class _Builder:
    """Turns events into JSON values, without recursion: how deep a document nests is up to who sent it.

    What an alias stands for is copied, so its cost is counted.
    """

    def __init__(self) -> None:
        self.repeated: list[str] = []
        self._nodes = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._root: Any = None

    def read(self, events: Iterator[Any]) -> tuple[Any, list[str]]:
        import yaml

        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    problem = "expected a single document in the stream"
                    mark: Any = event.start_mark
                    raise yaml.composer.ComposerError(None, None, problem, mark)
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
        if self.repeated:
            return self._root, ["yaml: unmarshal errors:\n  " + "\n  ".join(self.repeated)]
        return self._root, []

    def _node(self, event: Any) -> None:
        import yaml

        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        else:
            if len(self._stack) >= MAX_DEPTH:
                raise YAMLError(f"yaml: line {event.start_mark.line + 1}: exceeded max depth of {MAX_DEPTH}")
            opened: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._stack.append(_Open(opened, event.anchor))

    def _scalar(self, event: Any) -> None:
        if event.value == "<<" and event.implicit[0] and self._at_key():
            self._stack[-1].key, self._stack[-1].waits_for_value = None, True
            return
        value = _scalar(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, 1, event.start_mark.line)

    def _alias(self, event: Any) -> None:
        if any(level.anchor == event.anchor for level in self._stack):
            raise YAMLError(f"yaml: anchor '{event.anchor}' value contains itself")
        if event.anchor not in self._anchors:
            raise YAMLError(f"yaml: unknown anchor '{event.anchor}' referenced")
        value, size = self._anchors[event.anchor]
        self._count(size)
        self._put(_copy(value), size, event.start_mark.line)

    def _close(self) -> None:
        level = self._stack.pop()
        value = level.finished()
        if level.anchor is not None:
            self._anchors[level.anchor] = (value, level.size)
        self._put(value, level.size, level.line)

    def _at_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and not self._stack[-1].waits_for_value

    def _count(self, size: int) -> None:
        self._nodes += size
        if self._nodes > _MOST_NODES:
            raise YAMLError("yaml: document contains excessive aliasing")

    def _put(self, value: Any, size: int, line: int) -> None:
        """Add a complete value to what it is part of."""
        self._count(1)
        if not self._stack:
            self._root = value
            return
        level = self._stack[-1]
        level.size += size
        if isinstance(level.value, list):
            level.value.append(value)
        elif not level.waits_for_value:
            level.key, level.line, level.waits_for_value = _key(value), line, True
        else:
            level.waits_for_value = False
            if level.key is None:
                _inherit(level.inherited, value)
                return
            if level.key in level.value:
                self.repeated.append(f'line {level.line + 1}: key "{level.key}" already set in map')
            level.value[level.key] = value


def _inherit(into: dict[str, Any], value: Any) -> None:
    """What a merge key brings; of several mappings the first counts."""
    layers = value if isinstance(value, list) else [value]
    for layer in layers:
        if not isinstance(layer, dict):
            raise YAMLError("yaml: map merge requires map or sequence of maps as the value")
        for key, inherited in layer.items():
            into.setdefault(key, inherited)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, (dict, list)):
        raise YAMLError("yaml: invalid map key")
    return str(value)


def _scalar(event: Any) -> Any:
    text: str = event.value
    if event.tag == "tag:yaml.org,2002:binary":
        return _binary(text)
    quoted = not event.implicit[0] and event.tag is None
    if quoted or event.style or event.tag in ("tag:yaml.org,2002:str", "!"):
        return text
    return resolve(text)


def _binary(text: str) -> str:
    from base64 import b64decode

    try:
        return b64decode(text).decode(errors="replace")
    except ValueError:
        raise YAMLError("yaml: !!binary value contains invalid base64 data") from None


def resolve(text: str) -> Any:
    """What a plain scalar means."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text[0] not in "+-.0123456789":
        return text
    if (integer := _integer(text.replace("_", ""))) is not None:
        return integer
    if text.lower() in _INFINITY:
        return float(_INFINITY[text.lower()])
    if _FLOAT.fullmatch(text.replace("_", "")):
        number = float(text.replace("_", ""))
        if math.isinf(number):
            return text
        return int(number) if number.is_integer() and abs(number) < _INTEGERS else number  # as Go prints it in JSON
    return text


def _integer(text: str) -> int | None:
    """Go's ParseInt and ParseUint with base 0 (decimal, 0x, 0b, 0o, octal with a leading zero); None beyond 64 bits."""
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    bases = {"0x": 16, "0X": 16, "0b": 2, "0B": 2, "0o": 8, "0O": 8}
    base, rest = bases.get(digits[:2], 10), digits[2:]
    if base == 10:
        base, rest = (8, digits[1:]) if len(digits) > 1 and digits[0] == "0" else (10, digits)
    if not rest.isalnum() or not rest.isascii():
        return None
    try:
        number = sign * int(rest, base)
    except ValueError:
        return None
    return number if -(1 << 63) <= number < 1 << 64 else None
