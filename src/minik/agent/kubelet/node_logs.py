"""The node's own logs, `/logs/PATH` of the kubelet's server: files and directories below /var/log.

Answers are those of Go's FileServer, which upstream's kubelet serves them with (enableSystemLogHandler).
"""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

ROOT = Path("/var/log")
_IN_PATHS = "/$&+,:;=@~"  # what Go leaves as it is when it writes a path
_NOT_FOUND = "404 page not found\n"


def node_log(parts: Sequence[str], *, slash: bool, root: Path = ROOT) -> web.StreamResponse:
    """`parts` of the path behind /logs; `slash`: whether it ended with one. Blocks for a directory's listing."""
    path = root.joinpath(*(part for part in parts if part not in ("", ".")))
    if ".." in parts or not _exists(path):
        return web.Response(status=404, text=_NOT_FOUND)
    if path.is_dir():
        if not slash:
            return web.Response(status=301, headers={"Location": f"{_link(path.name if parts else 'logs')}/"})
        return _listing(path)
    if slash:
        return web.Response(status=301, headers={"Location": f"../{_link(path.name)}"})
    return web.FileResponse(path)


def _exists(path: Path) -> bool:
    try:
        return path.is_dir() or path.is_file()
    except (OSError, ValueError):
        return False


def _listing(path: Path) -> web.Response:
    with os.scandir(path) as found:
        names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in found)
    links = "".join(f'<a href="{_link(name)}">{_shown(name)}</a>\n' for name in names)
    head = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n'
    return web.Response(text=f"{head}<pre>\n{links}</pre>\n", content_type="text/html", charset="utf-8")


def _link(name: str) -> str:
    """As a relative URL; one that looks like a scheme is told to be a path."""
    return ("./" if ":" in name.split("/")[0] else "") + quote(name, safe=_IN_PATHS)


def _shown(name: str) -> str:
    return escape(name).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
