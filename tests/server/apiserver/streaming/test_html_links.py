"""Links of pages that came through a proxy subresource. Cases: upstream's util/proxy transport tests."""

import pytest

from minik.server.apiserver.streaming.html_links import Mapping, joined, rewrite

PREFIX = "/api/v1/namespaces/ns/pods/p:8080/proxy"
MAPPING = Mapping(PREFIX, "10.42.0.9:8080", "cluster.example:6443")


@pytest.mark.parametrize(
    ("url", "through"),
    [
        ("kubelet.log", "kubelet.log"),
        ("/google.log", f"{PREFIX}/google.log"),
        ("/dir/", f"{PREFIX}/dir/"),
        ("/", f"{PREFIX}/"),
        ("?q=1", "?q=1"),
        ("/a?b=/c#d", f"{PREFIX}/a?b=/c#d"),
        ("http://10.42.0.9:8080/x/", f"{PREFIX}/x/"),
        ("https://cluster.example:6443/x", f"https://cluster.example:6443{PREFIX}/x"),
        ("http://google.com/kubernetes.js", "http://google.com/kubernetes.js"),
        (f"{PREFIX}/x", f"{PREFIX}/x"),
        ("/x%00<script>alert(1)</script>/", f"{PREFIX}/x%00%3Cscript%3Ealert%281%29%3C/script%3E/"),
        ("http://[bad/x", "http://[bad/x"),
    ],
)
def test_urls_of_the_same_place_lead_through_the_proxy(url: str, through: str) -> None:
    assert MAPPING.through(url) == through


@pytest.mark.parametrize(
    ("page", "rewritten"),
    [
        ('<a href="/rewriteme">test</a>', f'<a href="{PREFIX}/rewriteme">test</a>'),
        ("<A HREF=/x class='y z'>t</A>", f'<a href="{PREFIX}/x" class="y z">t</A>'),
        ('<img src="k.jpg"/><img src="/k.jpg" alt>', f'<img src="k.jpg"/><img src="{PREFIX}/k.jpg" alt="">'),
        ('<!-- <a href="/x"> --><!doctype html>', '<!-- <a href="/x"> --><!doctype html>'),
        ("<script>var a = '<a href=\"/x\">'</script><p>", "<script>var a = '<a href=\"/x\">'</script><p>"),
        ('<a title="a &amp; b" href="/?a&amp;b">', f'<a title="a &amp; b" href="{PREFIX}/?a&amp;b">'),
        ("1 < 2 <a href='/x", "1 < 2 <a href='/x"),
        ("plain", "plain"),
    ],
)
def test_only_links_in_start_tags_change(page: str, rewritten: str) -> None:
    assert rewrite(page, MAPPING.through) == rewritten


def test_paths_are_cleaned_and_escaped() -> None:
    assert joined("/p/proxy", "/a//../b c/") == "/p/proxy/b%20c/"
