"""Links in a page that came through the proxy, made to lead through the proxy again. Pure.

Start tags are written anew, as Go's HTML tokenizer prints them; everything else stays as it is.
Rules: apimachinery's util/proxy Transport.
"""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

_LINKS = {
    "a": {"href"},
    "applet": {"codebase"},
    "area": {"href"},
    "audio": {"src"},
    "base": {"href"},
    "blockquote": {"cite"},
    "body": {"background"},
    "button": {"formaction"},
    "command": {"icon"},
    "del": {"cite"},
    "embed": {"src"},
    "form": {"action"},
    "frame": {"longdesc", "src"},
    "head": {"profile"},
    "html": {"manifest"},
    "iframe": {"longdesc", "src"},
    "img": {"longdesc", "src", "usemap"},
    "input": {"src", "usemap", "formaction"},
    "ins": {"cite"},
    "link": {"href"},
    "object": {"classid", "codebase", "data", "usemap"},
    "q": {"cite"},
    "script": {"src"},
    "source": {"src"},
    "video": {"poster", "src"},
}
_RAW_TEXT = frozenset(
    {"iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp"}
)
_MARKUP = re.compile(r"<!--.*?(?:-->|\Z)|<[!?/][^>]*(?:>|\Z)|<(?P<tag>[a-zA-Z][^\s/>]*)", re.DOTALL)
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)?))?""")
_TAG_END = re.compile(r"\s*(/?)\s*>")
_IN_PATHS = "/$&+,:;=@~"  # what Go leaves as it is when it writes a path
_WRITABLE = re.compile(r"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9\-_.~!$&'()*+,;=:@/\[\]])*")
_ESCAPES = {"&": "&amp;", "'": "&#39;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "\r": "&#13;"}


@dataclass(frozen=True, slots=True)
class Mapping:
    """How URLs of one answer change: `prefix` is the path up to and with `/proxy`."""

    prefix: str
    target: str  # host:port the page came from
    host: str  # the Host the client asked

    def through(self, url: str) -> str:
        """A URL of the same place, led through the proxy; others unchanged."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return url
        if (parts.netloc and parts.netloc not in (self.target, self.host)) or not parts.path.startswith("/"):
            return urlunsplit(parts._replace(path=_written(parts.path)))
        if parts.netloc != self.host:
            parts = parts._replace(scheme="", netloc="")
        return urlunsplit(self._prefixed(parts))

    def _prefixed(self, parts: SplitResult) -> SplitResult:
        if unquote(parts.path).startswith(self.prefix):
            return parts._replace(path=_written(parts.path))
        return parts._replace(path=joined(self.prefix, unquote(parts.path)))


def joined(prefix: str, path: str) -> str:
    """`path` (with its leading slash) below `prefix`, cleaned and escaped; a slash at its end stays."""
    whole = posixpath.normpath(f"{prefix}{path}")
    return escaped(whole + "/" if path.endswith("/") and whole != "/" else whole)


def escaped(path: str) -> str:
    """A path as Go writes it into a request."""
    return quote(path, safe=_IN_PATHS)


def _written(path: str) -> str:
    return path if _WRITABLE.fullmatch(path) else escaped(unquote(path))


def rewrite(page: str, through: Callable[[str], str]) -> str:
    """The page with `through` applied to every link in it."""
    written, at = [], 0
    while found := _MARKUP.search(page, at):
        tag = (found["tag"] or "").lower()
        end = found.end()
        written.append(page[at : found.start()])
        if not tag:
            written.append(found[0])
        elif (start_tag := _start_tag(page, end, tag, through)) is None:
            written.append(page[found.start() :])  # the page ends within the tag
            return "".join(written)
        else:
            text, end, closed = start_tag
            written.append(text)
            if tag in _RAW_TEXT and not closed:
                close = re.compile(rf"</{tag}(?=[\s/>])", re.IGNORECASE).search(page, end)
                stop = close.start() if close and tag != "plaintext" else len(page)
                written.append(page[end:stop])
                end = stop
        at = end
    return "".join([*written, page[at:]])


def _start_tag(page: str, at: int, tag: str, through: Callable[[str], str]) -> tuple[str, int, bool] | None:
    """A start tag printed anew, where it ends, and whether it closes itself; `at` is where its name ends."""
    links, written = _LINKS.get(tag, set()), [f"<{tag}"]
    while (end := _TAG_END.match(page, at)) is None:
        found = _ATTRIBUTE.match(page, at)
        if found is None or found.end() == at:
            return None
        key, value = found[1].lower(), unescape(found[2] or found[3] or found[4] or "")
        value = through(value) if key in links else value
        written.append(f' {key}="{_escape(value)}"')
        at = found.end()
    return "".join([*written, "/>" if end[1] else ">"]), end.end(), bool(end[1])


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
