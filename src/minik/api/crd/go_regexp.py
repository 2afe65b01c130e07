"""Go's regular expressions: as Python reads them, and what Go says about a pattern it does not take.

Python's own parser finds most mistakes; what Python knows and Go does not (look-around, back-references) is looked for.
Texts: https://pkg.go.dev/regexp/syntax#ErrorCode
"""

import re
import sys
import unicodedata
from functools import lru_cache
from itertools import groupby

_PREFIX = "error parsing regexp: "
_UNKNOWN_GROUP = re.compile(r"\(\?(?:[=!>#(]|<[=!])|\(\?P[=>]")
_BACK_REFERENCE = re.compile(r"\\[1-9]")
_GO_ONLY = re.compile(r"\\[pP](?:\{\^?\w+\}|\w)|\\[QEzC]|\[\[:\^?\w+:\]|\\x\{[0-9a-fA-F]+\}|\(\?[imsU-]+\)|\(\?<\w+>")
_LITERAL = re.compile(r"\\.|\[\^?\]?[^\]]*\]")  # what no operator is in
_POSSESSIVE = re.compile(r"[*+?]\+|(?<=[^\\])\{\d+(?:,\d*)?\}\+")
_LARGEST_REPEAT = 1000
_REPEAT = re.compile(r"\{(\d+)(?:,(\d*))?\}")


@lru_cache(maxsize=512)
def complaint(pattern: str) -> str:
    """Go's error text for a pattern, "" for one it takes."""
    bare = re.sub(r"\\\\", "  ", pattern)
    if found := _UNKNOWN_GROUP.search(bare):
        return f"{_PREFIX}invalid or unsupported Perl syntax: `{found[0]}`"
    if found := _BACK_REFERENCE.search(bare):
        return f"{_PREFIX}invalid escape sequence: `{found[0]}`"
    if found := _POSSESSIVE.search(_LITERAL.sub(lambda match: "x" * len(match[0]), bare)):
        return f"{_PREFIX}invalid nested repetition operator: `{found[0]}`"
    for found in _REPEAT.finditer(bare):
        least, most = int(found[1]), int(found[2] or found[1])
        if max(least, most) > _LARGEST_REPEAT or least > most:
            return f"{_PREFIX}invalid repeat count: `{found[0]}`"
    try:
        re.compile(_GO_ONLY.sub(lambda match: "(" if match[0].startswith("(?<") else "a", pattern))
    except re.error as error:
        return _PREFIX + _text(pattern, error)
    return ""


def _text(pattern: str, error: re.error) -> str:
    at = error.pos or 0
    message = error.msg
    if message.startswith("missing )"):
        return f"missing closing ): `{pattern}`"
    if message.startswith("unbalanced parenthesis"):
        return f"unexpected ): `{pattern}`"
    if message.startswith("unterminated character set"):
        return f"missing closing ]: `{pattern[at:]}`"
    if message.startswith("nothing to repeat"):
        return f"missing argument to repetition operator: `{_operator(pattern, at)}`"
    if message.startswith("multiple repeat"):
        before = next((start for start in range(at - 1, -1, -1) if pattern[start] in "*+?{"), at)
        return f"invalid nested repetition operator: `{pattern[before:at]}{_operator(pattern, at)}`"
    if message.startswith("bad escape (end"):
        return "trailing backslash at end of expression: ``"
    if message.startswith("bad escape"):
        return f"invalid escape sequence: `{pattern[at : at + 2]}`"
    if found := re.match(r"bad character range (.*)", message, re.DOTALL):
        return f"invalid character class range: `{found[1]}`"
    if message.startswith("unknown extension"):
        return f"invalid or unsupported Perl syntax: `{pattern[at - 1 : at + 2]}`"
    return f"{message}: `{pattern}`"


def _operator(pattern: str, at: int) -> str:
    found = re.match(r"[*+?]\??|\{\d+(?:,\d*)?\}\??", pattern[at:])
    return found[0] if found else pattern[at : at + 1]


_CLASS = re.compile(
    r"\\([pP])(?:\{(\^?)(\w+)\}|(\w))|\[:(\^?)(\w+):\]|\\x\{([0-9a-fA-F]+)\}|\(\?<(?=\w)|\\[zC]|\\.", re.DOTALL
)
_FLAGS = re.compile(r"\(\?([imsU]+)\)")
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """A Go pattern as Python reads it; one that Python cannot read matches everything."""
    flags = re.ASCII  # \\d and \\w of Go are
    if found := _FLAGS.match(pattern):
        for flag in found[1].replace("U", ""):
            flags |= {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}[flag]
        pattern = pattern[found.end() :]
    inside = False
    text, at = "", 0
    for match in _CLASS.finditer(pattern):
        inside = _in_set(pattern[at : match.start()], inside)
        text += pattern[at : match.start()] + _translated(match, inside)
        at = match.end()
    text += pattern[at:]
    if text.endswith("$") and not text.endswith(r"\$") and not flags & re.MULTILINE:
        text = text[:-1] + r"\Z"  # Go's $ is not before a last line break
    try:
        return re.compile(text, flags)
    except re.error:
        return re.compile("")


def _in_set(text: str, inside: bool) -> bool:
    """Whether a bracket is open after a part without escapes and classes."""
    for char in text:
        inside = char == "[" or (inside and char != "]")
    return inside


def _translated(match: re.Match[str], inside: bool) -> str:
    found = match[0]
    if match[1]:
        negated = (match[1] == "P") != (match[2] == "^")
        return _set(_category(match[3] or match[4]), negated, inside)
    if match[6]:
        return _set(_POSIX.get(match[6], ""), match[5] == "^", inside)
    if match[7]:
        return re.escape(chr(int(match[7], 16)))
    return {r"\z": r"\Z", "(?<": "(?P<"}.get(found, found)


def _set(chars: str, negated: bool, inside: bool) -> str:
    if inside:  # a negated class inside a set cannot be said: it allows everything
        return r"\s\S" if negated or not chars else chars
    return f"[{'^' if negated else ''}{chars}]" if chars else r"[\s\S]"


@lru_cache(maxsize=32)
def _category(name: str) -> str:
    """The characters of a Unicode category as ranges; nothing for scripts."""
    if not re.fullmatch("[LMNPSZC][a-z]?", name):
        return ""
    matching = (code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith(name))
    ranges = []
    for _, run in groupby(enumerate(matching), key=lambda pair: pair[1] - pair[0]):
        codes = [code for _, code in run]
        ranges.append(f"\\U{codes[0]:08x}-\\U{codes[-1]:08x}")
    return "".join(ranges)
