"""What Go's regexp says about a pattern it does not take.

Python's own parser finds most of it; what Python knows and Go does not (look-around, back-references) is looked for.
Texts: https://pkg.go.dev/regexp/syntax#ErrorCode
"""

import re
from functools import lru_cache

_PREFIX = "error parsing regexp: "
_UNKNOWN_GROUP = re.compile(r"\(\?(?:[=!>#(]|<[=!])|\(\?P[=>]")
_BACK_REFERENCE = re.compile(r"\\[1-9]")
_GO_ONLY = re.compile(r"\\[pP](?:\{\^?\w+\}|\w)|\\[QEzC]|\[\[:\^?\w+:\]|\\x\{[0-9a-fA-F]+\}|\(\?[imsU-]+\)|\(\?<\w+>")
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
