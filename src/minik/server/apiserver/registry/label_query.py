"""The labelSelector parameter: `a=b,c in (d,e),!f`.

Pure. Grammar and error texts: apimachinery's labels.Parse,
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from minik.api import names
from minik.api.validation import FieldError, invalid_value

_SPECIAL = "=!(),><"
_SYMBOLS = frozenset({"=", "==", "!=", "!", "(", ")", ",", ">", "<"})
_OPERATORS = frozenset({"in", "notin", "=", "==", "!=", ">", "<"})
_EXPECTED_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_END = ""


class SelectorError(ValueError):
    """The text is no selector; str() is what the client is told."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`operator` is one of = == != in notin exists ! > <."""

    key: str
    operator: str
    values: frozenset[str]

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        return value is not None and self._compare(value)

    def _compare(self, value: str) -> bool:
        try:
            actual, bound = int(value), int(next(iter(self.values)))
        except ValueError:
            return False
        return actual > bound if self.operator == ">" else actual < bound


@lru_cache(maxsize=512)
def parse(text: str) -> tuple[Requirement, ...]:
    """All requirements must hold. Raises SelectorError."""
    return tuple(_Parser(text).parse())


def _tokens(text: str) -> list[str]:
    """Symbols and words; an unknown run of symbols is cut where it stops making sense, as upstream's lexer does."""
    tokens: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        if char in " \t\r\n":
            position += 1
            continue
        start = position
        if char in _SPECIAL:
            position += 2 if text[position : position + 2] in _SYMBOLS else 1
        else:
            while position < len(text) and text[position] not in _SPECIAL and text[position] not in " \t\r\n":
                position += 1
        tokens.append(text[start:position])
    return tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._position = 0

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else _END

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def parse(self) -> list[Requirement]:
        requirements: list[Requirement] = []
        while self._peek() != _END:
            if not _is_word(self._peek()) and self._peek() != "!":
                raise SelectorError(f"found '{self._peek()}', expected: !, identifier, or 'end of string'")
            try:
                requirements.append(self._requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            token = self._next()
            if token == _END:
                break
            if token != ",":
                raise SelectorError(f"found '{token}', expected: ',' or 'end of string'")
            following = self._peek()
            if not _is_word(following) and following != "!":
                raise SelectorError(f"found '{following}', expected: identifier after ','")
        return requirements

    def _requirement(self) -> Requirement:
        token, negated = self._next(), False
        if token == "!":
            token, negated = self._next(), True
        if not _is_word(token):
            raise SelectorError(f"found '{token}', expected: identifier")
        _raise(_key_errors(token))
        if self._peek() in (_END, ","):
            return Requirement(token, "!" if negated else "exists", frozenset())
        operator = self._next()
        if operator not in _OPERATORS:
            raise SelectorError(f"found '{operator}', expected: {_EXPECTED_OPERATORS}")
        values = self._values() if operator in ("in", "notin") else self._exact_value()
        _raise(_value_errors(token, operator, sorted(values)))
        return Requirement(token, operator, frozenset(values))

    def _values(self) -> set[str]:
        token = self._next()
        if token != "(":
            raise SelectorError(f"found '{token}' expected: '('")
        token = self._peek()
        if token == ")":
            self._next()
            return {""}
        if not _is_word(token) and token != ",":
            raise SelectorError(f"found '{token}', expected: ',', ')' or identifier")
        values = self._identifiers()
        if self._next() != ")":
            raise SelectorError(f"found '{token}', expected: ')'")
        return values

    def _identifiers(self) -> set[str]:
        values: set[str] = set()
        while True:
            token = self._next()
            if _is_word(token):
                values.add(token)
                following = self._peek()
                if following == ")":
                    return values
                if following != ",":
                    raise SelectorError(f"found '{following}', expected: ',' or ')'")
            elif token == ",":
                if not values:
                    values.add("")
                if self._peek() == ")":
                    values.add("")
                    return values
                if self._peek() == ",":
                    self._next()
                    values.add("")
            else:
                raise SelectorError(f"found '{token}', expected: ',', or identifier")

    def _exact_value(self) -> set[str]:
        if self._peek() in (_END, ","):
            return {""}
        token = self._next()
        if not _is_word(token):
            raise SelectorError(f"found '{token}', expected: identifier")
        return {token}


def _is_word(token: str) -> bool:
    return token != _END and token[0] not in _SPECIAL


def _key_errors(key: str) -> list[FieldError]:
    texts = names.qualified_name(key)
    return [invalid_value("<nil>", key, "; ".join(texts))] if texts else []


def _value_errors(key: str, operator: str, values: Sequence[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, value in enumerate(values):
        if operator in (">", "<"):
            try:
                int(value)
            except ValueError:
                text = "for 'Gt', 'Lt' operators, the value must be an integer"
                errors.append(invalid_value(f"values[{index}]", value, text))
        texts = names.label_value(value)
        if texts:
            errors.append(invalid_value(f"values[{index}][{key}]", value, "; ".join(texts)))
    return errors


def _raise(errors: list[FieldError]) -> None:
    if errors:
        texts = [str(error) for error in errors]
        raise SelectorError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
