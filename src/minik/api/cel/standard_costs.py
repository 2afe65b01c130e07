"""What calls of the language's own functions and of its extensions cost, by estimate and by overload.

Upstream: cel-go's checker/cost.go, functionCost.
"""

from collections.abc import Sequence

from minik.api.cel.ranges import LIMIT, ONE, PER_CHARACTER, PER_PATTERN_CHARACTER, Range

_COMPARED = frozenset(
    [
        *(
            f"{how}_{what}"
            for how in ("less", "greater", "less_equals", "greater_equals")
            for what in ("string", "bytes")
        ),
        "equals",
        "not_equals",
    ]
)


def estimate(overload: str, sizes: Sequence[Range]) -> tuple[Range, Range | None]:
    """The cost of a call, and the size of its result if that is known. `sizes`: of the target and the arguments."""
    if overload in _COMPARED:
        most = min(sizes[0].most, sizes[1].most)
        return Range(1 if most else 0, most).scaled(PER_CHARACTER), None
    match overload:
        case "format" | "string_format" if len(sizes) == 2:
            return sizes[0].scaled(PER_CHARACTER), sizes[0].plus(sizes[1])
        case "string_to_bytes":
            return sizes[0].scaled(PER_CHARACTER), Range(sizes[0].least, min(sizes[0].most * 4, LIMIT))
        case "bytes_to_string":
            return sizes[0].scaled(PER_CHARACTER), Range(sizes[0].least // 4, sizes[0].most)
        case "strings_quote":
            return sizes[0].scaled(PER_CHARACTER), Range(sizes[0].least + 2, min(sizes[0].most * 2 + 2, LIMIT))
        case "starts_with_string" | "ends_with_string":
            return sizes[-1].scaled(PER_CHARACTER), None
        case "in_list":
            return sizes[1], None
        case "matches_string" if len(sizes) == 2:
            text = sizes[0].plus(ONE).scaled(PER_CHARACTER)
            return text.times(sizes[1].scaled(PER_PATTERN_CHARACTER)), None
        case "contains_string":
            return sizes[0].scaled(PER_CHARACTER).times(sizes[1].scaled(PER_CHARACTER)), None
    return ONE, None
