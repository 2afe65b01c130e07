"""Label and field selectors: what `?labelSelector=`, `?fieldSelector=` and LabelSelector objects select.

Selectors are immutable values; `matches` is the hot path of lists and watches. Grammar, error texts and the canonical
text follow apimachinery's `labels` and `fields` packages:
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from minik.api import names
from minik.api.status import StatusError, bad_request
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

IN, NOT_IN, EXISTS, NOT_EXISTS, GREATER, LESS = "in", "notin", "exists", "!", "gt", "lt"
EQUALS, DOUBLE_EQUALS, NOT_EQUALS = "=", "==", "!="
_TOKENS = {"=": "=", "==": "==", "!=": "!=", "!": "!", "(": "(", ")": ")", ",": ",", ">": "gt", "<": "lt"}
_OPERATORS = (IN, NOT_IN, EQUALS, DOUBLE_EQUALS, NOT_EQUALS, GREATER, LESS)
_SPECIAL = frozenset("=!(),><")
_SPACE = frozenset(" \t\r\n")
_WORD, _END = "word", "end"
_OBJECT_OPERATORS = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": NOT_EXISTS}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `values` is sorted."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        if self.operator in (NOT_EQUALS, NOT_IN):
            return value is None or value not in self.values
        if self.operator == NOT_EXISTS:
            return value is None
        if value is None:
            return False
        if self.operator in (GREATER, LESS):
            return self._compares(value)
        return self.operator == EXISTS or value in self.values

    def _compares(self, value: str) -> bool:
        try:
            number, limit = _int64(value), _int64(self.values[0])
        except ValueError:
            return False
        return number > limit if self.operator == GREATER else number < limit

    def __str__(self) -> str:
        if self.operator == EXISTS:
            return self.key
        if self.operator == NOT_EXISTS:
            return f"!{self.key}"
        if self.operator in (IN, NOT_IN):
            return f"{self.key} {self.operator} ({','.join(self.values)})"
        sign = {GREATER: ">", LESS: "<"}.get(self.operator, self.operator)
        return f"{self.key}{sign}{self.values[0]}"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements must hold; without any, everything matches unless `nothing`."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False
    _equal: tuple[tuple[str, str], ...] | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Selectors that only ask for equality, nearly all there are, match by plain comparison."""
        if all(r.operator in (EQUALS, DOUBLE_EQUALS, IN) and len(r.values) == 1 for r in self.requirements):
            object.__setattr__(self, "_equal", tuple((r.key, r.values[0]) for r in self.requirements))

    @property
    def everything(self) -> bool:
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether an object with these labels is selected."""
        if not self.requirements:
            return not self.nothing
        labels = labels or {}
        if self._equal is not None:
            return all(labels.get(key) == value for key, value in self._equal)
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(str(r) for r in sorted(self.requirements, key=lambda r: r.key))


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


@lru_cache(maxsize=512)
def parse_labels(text: str) -> LabelSelector:
    """A selector in query form: `a=b,c in (d,e),!f`. Raises StatusError (400)."""
    return LabelSelector(tuple(sorted(_Parser(text).parse(), key=lambda r: r.key))) if text else EVERYTHING


def of_labels(labels: Mapping[str, str] | None) -> LabelSelector:
    """The selector for objects that carry all these labels (Service and ReplicationController selectors)."""
    return LabelSelector(tuple(Requirement(key, EQUALS, (value,)) for key, value in sorted((labels or {}).items())))


def of_object(selector: Obj | None) -> LabelSelector:
    """The selector of a LabelSelector object: None selects nothing, {} everything.

    Raises ValueError with upstream's text when the object was never validated and is wrong.
    """
    if selector is None:
        return NOTHING
    found = [Requirement(key, EQUALS, (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        operator = _OBJECT_OPERATORS.get(expression["operator"])
        if operator is None:
            raise ValueError(f'"{expression["operator"]}" is not a valid label selector operator')
        requirement = Requirement(expression["key"], operator, tuple(sorted(set(expression.get("values") or ()))))
        if errors := _errors(requirement):
            raise ValueError(_joined(errors))
        found.append(requirement)
    return LabelSelector(tuple(sorted(found, key=lambda r: r.key)))


def _int64(text: str) -> int:
    number = int(text)
    if not -(1 << 63) <= number < 1 << 63 or not text.lstrip("+-").isdigit():
        raise ValueError(text)
    return number


def _errors(requirement: Requirement) -> list[FieldError]:
    """What upstream's NewRequirement complains about. A selector in a query has no path, which prints as <nil>."""
    key, operator, values = requirement.key, requirement.operator, requirement.values
    found = []
    if errors := names.qualified_name(key):
        found.append(invalid_value("key", key, "; ".join(errors)))
    if operator in (IN, NOT_IN) and not values:
        found.append(invalid_value("values", list(values), "for 'in', 'notin' operators, values set can't be empty"))
    if operator in (EXISTS, NOT_EXISTS) and values:
        problem = "values set must be empty for exists and does not exist"
        found.append(invalid_value("values", list(values), problem))
    for index, value in enumerate(values):
        if operator in (GREATER, LESS):
            try:
                _int64(value)
            except ValueError:
                problem = "for 'Gt', 'Lt' operators, the value must be an integer"
                found.append(invalid_value(f"values[{index}]", value, problem))
        if errors := names.label_value(value):
            found.append(invalid_value(f"values[{index}][{key}]", value, "; ".join(errors)))
    return found


def _joined(errors: Sequence[FieldError]) -> str:
    return str(errors[0]) if len(errors) == 1 else f"[{', '.join(str(error) for error in errors)}]"


class _Parser:
    """Recursive descent over the tokens of a selector in query form."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0

    def peek(self, *, as_value: bool = True) -> tuple[str, str]:
        kind, text = self.tokens[min(self.at, len(self.tokens) - 1)]
        return (_WORD, text) if as_value and kind in (IN, NOT_IN) else (kind, text)

    def take(self, *, as_value: bool = True) -> tuple[str, str]:
        token = self.peek(as_value=as_value)
        self.at += 1
        return token

    def parse(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            kind, text = self.peek()
            if kind == _END:
                return found
            if kind not in (_WORD, NOT_EXISTS):
                raise bad_request(f"found '{text}', expected: !, identifier, or 'end of string'")
            found.append(self.requirement())
            kind, text = self.take()
            if kind == _END:
                return found
            if kind != ",":
                raise bad_request(f"found '{text}', expected: ',' or 'end of string'")
            if self.peek()[0] not in (_WORD, NOT_EXISTS):
                raise bad_request(f"found '{self.peek()[1]}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        kind, key = self.take()
        operator = ""
        if kind == NOT_EXISTS:
            operator = NOT_EXISTS
            kind, key = self.take()
        if kind != _WORD:
            raise _requirement_error(f"found '{key}', expected: identifier")
        if problems := names.qualified_name(key):
            raise _requirement_error(f"<nil>: {invalid_value('', key, '; '.join(problems)).body}")
        if not operator and self.peek()[0] in (_END, ","):
            operator = EXISTS
        if operator:
            return Requirement(key, operator)
        operator, text = self.take(as_value=False)
        if operator not in _OPERATORS:
            raise _requirement_error(f"found '{text}', expected: {', '.join(_OPERATORS)}")
        values = self.values() if operator in (IN, NOT_IN) else self.value()
        requirement = Requirement(key, operator, tuple(sorted(set(values))))
        if errors := _errors(requirement):
            raise _requirement_error(_joined(errors))
        return requirement

    def value(self) -> Iterable[str]:
        """The one value after `=`; nothing is the empty value."""
        if self.peek()[0] in (_END, ","):
            return [""]
        kind, text = self.take()
        if kind != _WORD:
            raise _requirement_error(f"found '{text}', expected: identifier")
        return [text]

    def values(self) -> Iterable[str]:
        """`(a,b)`; between commas without a word lies the empty value."""
        kind, text = self.take()
        if kind != "(":
            raise _requirement_error(f"found '{text}' expected: '('")
        kind, text = self.peek()
        if kind not in (_WORD, ",", ")"):
            raise _requirement_error(f"found '{text}', expected: ',', ')' or identifier")
        found: list[str] = []
        after_comma = True
        while True:
            kind, text = self.take()
            if kind == ")":
                return [*found, ""] if after_comma else found
            if kind == ",":
                if after_comma:
                    found.append("")
                after_comma = True
            elif kind == _WORD and after_comma:
                found.append(text)
                after_comma = False
            elif after_comma:
                raise _requirement_error(f"found '{text}', expected: ',', or identifier")
            else:
                raise _requirement_error(f"found '{text}', expected: ',' or ')'")


def _requirement_error(text: str) -> StatusError:
    return bad_request(f"unable to parse requirement: {text}")


def _tokens(text: str) -> Iterable[tuple[str, str]]:
    """(kind, text): operators and brackets by themselves, `in`, `notin`, words, and at last the end."""
    at = 0
    while at < len(text):
        char = text[at]
        if char in _SPACE:
            at += 1
        elif char in _SPECIAL:
            size = 2 if text[at : at + 2] in _TOKENS else 1
            yield _TOKENS[text[at : at + size]], text[at : at + size]
            at += size
        else:
            end = at
            while end < len(text) and text[end] not in _SPECIAL and text[end] not in _SPACE:
                end += 1
            word = text[at:end]
            yield (word if word in (IN, NOT_IN) else _WORD), word
            at = end
    yield _END, ""


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """`(field, equal, value)` conditions, all of which must hold. Field names are not checked here."""

    requirements: tuple[tuple[str, bool, str], ...] = ()

    def matches(self, get: Callable[[str], str]) -> bool:
        """`get` tells the value of a field of the object."""
        return all((get(name) == value) == equal for name, equal, value in self.requirements)

    def exact(self, name: str) -> str | None:
        """The value the field must have, if the selector says `name=value`."""
        return next((value for field, equal, value in self.requirements if field == name and equal), None)

    def __str__(self) -> str:
        return ",".join(f"{name}{'=' if equal else '!='}{_escape(value)}" for name, equal, value in self.requirements)


@lru_cache(maxsize=512)
def parse_fields(text: str) -> FieldSelector:
    """A selector in query form: `metadata.name=a,status.phase!=Running`. Raises StatusError (400)."""
    found = []
    for term in sorted(_split_terms(text)):
        if not term:
            continue
        at, operator = _operator(term)
        if not operator:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        value = _unescape(term[at + len(operator) :])
        found.append((term[:at], operator != "!=", value))
    return FieldSelector(tuple(found))


def _operator(term: str) -> tuple[int, str]:
    for at in range(len(term)):
        for operator in ("!=", "==", "="):
            if term.startswith(operator, at):
                return at, operator
    return 0, ""


def _split_terms(text: str) -> list[str]:
    """The parts between commas that no backslash precedes."""
    terms, start, escaped = [], 0, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            terms.append(text[start:at])
            start = at + 1
    return [*terms, text[start:]]


def _unescape(value: str) -> str:
    out, escaped = [], False
    for char in value:
        if escaped:
            if char not in "\\,=":
                raise bad_request(f"invalid field selector: invalid escape sequence: \\{char}")
            out.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise bad_request(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            out.append(char)
    if escaped:
        raise bad_request("invalid field selector: invalid escape sequence: \\")
    return "".join(out)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
