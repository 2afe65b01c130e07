"""YAML to JSON values and back, as sigs.k8s.io/yaml does it.

Plain scalars resolve as in go-yaml v2 (YAML 1.1 without base 60 numbers, dates stay text), keys become strings, and
the error texts are libyaml's, which go-yaml shares. PyYAML is imported on first use: most requests are JSON.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

_TRUE = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}
_FALSE = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}
_NULL = {"", "~", "null", "Null", "NULL"}
_INFINITY = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_FLOAT = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?|[-+]?[0-9]+\.([eE][-+]?[0-9]+)?", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d?-\d\d?([Tt ].*)?$", re.ASCII)
_MOST_NODES = 400_000  # aliases expanded; a request body of 3 MB without aliases stays below


class YAMLError(ValueError):
    """Malformed YAML. `str()` is go-yaml's text."""


def loads(raw: bytes) -> tuple[Any, list[str]]:
    """The first document as a JSON value, and complaints about repeated keys. Raises YAMLError."""
    import yaml

    try:
        node = yaml.compose(raw, Loader=_loader())
    except yaml.YAMLError as error:
        raise YAMLError(_text(error)) from None
    if node is None:
        return None, []
    return _Builder().finish(node)


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


class _Builder:
    """Turns a node tree into JSON values. Aliases are the same node met again, so their cost is counted."""

    def __init__(self) -> None:
        self.repeated: list[str] = []
        self.nodes = 0

    def finish(self, node: "yaml.Node") -> tuple[Any, list[str]]:
        value = self.build(node)
        if self.repeated:
            return value, ["yaml: unmarshal errors:\n  " + "\n  ".join(self.repeated)]
        return value, []

    def build(self, node: "yaml.Node", above: tuple[int, ...] = ()) -> Any:
        import yaml

        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise YAMLError("yaml: document contains excessive aliasing")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if id(node) in above:
            raise YAMLError("yaml: anchor contains itself")
        above = (*above, id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, above) for item in node.value]
        return self.mapping(node, above)

    def mapping(self, node: "yaml.Node", above: tuple[int, ...]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                inherited = self.build(value_node, above)
                for layer in inherited if isinstance(inherited, list) else [inherited]:
                    merged = {**layer, **merged}
                continue
            key = _key(self.build(key_node, above))
            if key in out:
                self.repeated.append(f'line {key_node.start_mark.line + 1}: key "{key}" already set in map')
            out[key] = self.build(value_node, above)
        return {**merged, **out}


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, (dict, list)):
        raise YAMLError("yaml: invalid map key")
    return str(value)


def _scalar(node: "yaml.ScalarNode") -> Any:
    text: str = node.value
    if node.tag == "tag:yaml.org,2002:binary":
        from base64 import b64decode

        return b64decode(text).decode(errors="replace")
    if node.style or (node.tag == "tag:yaml.org,2002:str" and not _plain_means_more(text)):
        return text
    return resolve(text)


def _plain_means_more(text: str) -> bool:
    """go-yaml v2 takes some words for values that PyYAML takes for text."""
    return text in ("y", "Y", "n", "N") or text[:1].isdigit() or text[:1] in "+-."


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
        return int(number) if number.is_integer() and abs(number) < 1e21 else number  # as Go prints it in JSON
    return text


def _integer(text: str) -> int | None:
    """Go's ParseInt with base 0: decimal, 0x, 0b, 0o and octal with a leading zero."""
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    bases = {"0x": 16, "0X": 16, "0b": 2, "0B": 2, "0o": 8, "0O": 8}
    base, rest = bases.get(digits[:2], 10), digits[2:]
    if base == 10:
        base, rest = (8, digits[1:]) if len(digits) > 1 and digits[0] == "0" else (10, digits)
    if not rest.isalnum() or not rest.isascii():
        return None
    try:
        return sign * int(rest, base)
    except ValueError:
        return None
