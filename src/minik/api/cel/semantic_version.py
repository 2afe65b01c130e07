"""Versions as semver.org has them, read as upstream's library does: it takes and refuses the same, in its words.

Upstream: github.com/blang/semver, and apiserver's cel/library/semverlib.go for what is normalized.
"""

import string
from collections.abc import Iterator

from minik.api.validation import show

_NUMBERS = frozenset(string.digits)
_WORD = frozenset(string.ascii_letters + string.digits + "-")
_LARGEST = (1 << 64) - 1

Version = tuple[int, int, int, str]
"""Major, minor, patch and what comes before a release; builds make no difference."""


def parse(text: str, normalize: bool = False) -> Version:
    """`normalize`: a v in front, leading zeros and missing numbers are put right first. Raises ValueError."""
    if normalize:
        text = _normalized(text)
    if not text:
        raise ValueError("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise ValueError("No Major.Minor.Patch elements found")
    major, minor = _number(parts[0], "major"), _number(parts[1], "minor")
    rest, plus, build = parts[2].partition("+")
    patch, dash, before = rest.partition("-")
    version = (major, minor, _number(patch, "patch"), before)
    for word in before.split(".") if dash else ():
        _check_word(word, "Prerelease is empty", "prerelease")
        if set(word) <= _NUMBERS and _has_leading_zero(word):
            raise ValueError(f"Numeric PreRelease version must not contain leading zeroes {show(word)}")
    for word in build.split(".") if plus else ():
        _check_word(word, "Build meta data is empty", "build meta data")
    return version


def _normalized(text: str) -> str:
    parts = list(_without_zeros(text.removeprefix("v").split(".", 2)))
    if len(parts) < 3 and set("+-") & set(parts[-1]):
        raise ValueError("short version cannot contain PreRelease/Build meta data")
    return ".".join([*parts, "0", "0"][:3] if len(parts) < 3 else parts)


def _without_zeros(parts: list[str]) -> Iterator[str]:
    for part in parts:
        stripped = part.lstrip("0") if len(part) > 1 else part
        yield "0" + stripped if len(part) > 1 and stripped[:1] not in _NUMBERS else stripped


def _number(text: str, name: str) -> int:
    if not set(text) <= _NUMBERS:
        raise ValueError(f"Invalid character(s) found in {name} number {show(text)}")
    if _has_leading_zero(text):
        raise ValueError(f"{name.capitalize()} number must not contain leading zeroes {show(text)}")
    if not text:
        raise ValueError('strconv.ParseUint: parsing "": invalid syntax')
    if int(text) > _LARGEST:
        raise ValueError(f"strconv.ParseUint: parsing {show(text)}: value out of range")
    return int(text)


def _has_leading_zero(text: str) -> bool:
    return len(text) > 1 and text[0] == "0"


def _check_word(word: str, empty: str, name: str) -> None:
    if not word:
        raise ValueError(empty)
    if not set(word) <= _WORD:
        raise ValueError(f"Invalid character(s) found in {name} {show(word)}")
