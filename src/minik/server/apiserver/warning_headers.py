"""Warning headers: what is told to a client beside the answer, within what headers may hold.

Above 4096 characters in all, every warning is cut at 256; what does not fit even then is left out.
Upstream: apiserver's endpoints/filters/warning.go.
"""

import re
from collections.abc import Iterator, Sequence

_MOST, _MOST_EACH = 4096, 256  # characters
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def headers(warnings: Sequence[str]) -> Iterator[str]:
    """The values of the headers."""
    texts: Sequence[str] = list(dict.fromkeys(warnings))
    cutting = sum(map(len, texts)) > _MOST
    written = 0
    for text in texts:
        if cutting and written >= _MOST:
            return
        shown = text[:_MOST_EACH] if cutting else text
        written += len(shown)
        escaped = _CONTROL.sub(" ", shown).replace("\\", "\\\\").replace('"', '\\"')
        yield f'299 - "{escaped}"'
