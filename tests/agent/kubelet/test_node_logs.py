"""What the kubelet shows of the node's logs."""

from pathlib import Path

import pytest
from aiohttp import web

from minik.agent.kubelet.node_logs import node_log


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pods").mkdir()
    (tmp_path / "a&b.log").write_text("text")
    return tmp_path


def test_directories_are_listed(root: Path) -> None:
    answer = node_log([], slash=True, root=root)
    assert isinstance(answer, web.Response)
    links = '<a href="a&b.log">a&amp;b.log</a>\n<a href="pods/">pods/</a>\n'
    assert answer.text is not None
    assert answer.text.endswith(f"<pre>\n{links}</pre>\n")
    assert answer.content_type == "text/html"


@pytest.mark.parametrize(
    ("parts", "slash", "status", "location"),
    [
        (["pods"], False, 301, "pods/"),
        (["pods"], True, 200, ""),
        (["a&b.log"], False, 200, ""),
        (["a&b.log"], True, 301, "../a&b.log"),
        (["none"], False, 404, ""),
        (["pods", "..", "..", "etc"], True, 404, ""),
        (["\0"], False, 404, ""),
    ],
)
def test_paths_are_answered_as_gos_file_server_does(
    root: Path, parts: list[str], slash: bool, status: int, location: str
) -> None:
    answer = node_log(parts, slash=slash, root=root)
    assert (answer.status, answer.headers.get("Location", "")) == (status, location)
