"""Accept headers decide the form of an answer."""

import pytest

from minik.api.request import Request
from minik.api.status import StatusError
from minik.server.apiserver.negotiation import (
    JSON,
    PLAIN,
    PROTOBUF,
    YAML,
    Form,
    accepts_route,
    error_form,
    negotiate,
    wants_pretty,
)

KUBECTL = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("application/json", PLAIN),
        ("text/html,*/*;q=0.1", PLAIN),
        ("application/yaml", Form(YAML)),
        ("application/yaml;q=0.5,application/json;q=0.9", PLAIN),
        (KUBECTL, Form(JSON, "Table", "v1")),
        ("application/vnd.kubernetes.protobuf,application/json", PLAIN),
        (
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
            Form(JSON, "PartialObjectMetadata", "v1"),
        ),
        ("application/json;as=Chair;g=meta.k8s.io;v=v1,application/json", PLAIN),
        ("application/json;stream=watch;sv=v1", PLAIN),
        ("*/*,application/yaml", Form(YAML)),
        ("*/*;q=0.9,application/yaml;q=0.5", Form(YAML)),
        ("application/yaml;q=0.5,*/*;q=0.9", PLAIN),
    ],
)
def test_the_best_acceptable_form_wins(accept: str, form: Form) -> None:
    assert negotiate(accept) == form


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        ("application/*", "406: Not Acceptable\n\nAvailable representations: "),
        ("*", "406: Not Acceptable\n\nAvailable representations: "),
        ("text/html", "406: Not Acceptable\n\nAvailable representations: "),
        (f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1", "only the following media types are accepted: "),
        ("application/json;v=v1", "only the following media types are accepted: "),
        ("application/json;stream=x", "only the following media types are accepted: "),
        ("application/yaml;stream=watch", "only the following media types are accepted: "),
        ("application/json;sv=v2", "only the following media types are accepted: "),
        ("application/json;as=Chair;g=meta.k8s.io;v=v1", "only the following media types are accepted: "),
    ],
)
def test_nothing_acceptable_is_a_406(accept: str, message: str) -> None:
    with pytest.raises(StatusError) as raised:
        negotiate(accept)
    assert raised.value.code == 406
    assert raised.value.message.startswith(message)


def test_routes_of_collections_produce_watches_too() -> None:
    with pytest.raises(StatusError, match=r"application/vnd.kubernetes.protobuf;stream=watch$"):
        negotiate("text/plain", streams=True)


def test_some_routes_speak_one_language() -> None:
    for accept in ("", "*/*", "text/html,application/json;q=0.1"):
        accepts_route(accept, JSON)
    with pytest.raises(StatusError, match=r"^406: Not Acceptable\n\nAvailable representations: application/json$"):
        accepts_route("text/plain", JSON)


@pytest.mark.parametrize(
    ("value", "indented"), [("1", True), ("T", True), ("0", False), ("F", False), ("yes", False), ("", True)]
)
def test_people_get_indented_answers_unless_they_ask_for_none(value: str, indented: bool) -> None:
    request = Request(method="GET", path="/", query={"pretty": [value]}, headers={"user-agent": "curl/8"})
    assert wants_pretty(request) is indented


def test_custom_resources_have_no_routes() -> None:
    assert negotiate("application/*", routed=False) == negotiate("*", routed=False) == PLAIN
    with pytest.raises(StatusError, match=r"^only the following media types are accepted: "):
        negotiate("text/plain", routed=False)


def test_errors_are_never_tables() -> None:
    assert error_form("application/yaml;as=Table;g=meta.k8s.io;v=v1") == PLAIN
    assert error_form(KUBECTL) == PLAIN
    assert error_form("application/yaml") == Form(YAML)
    assert error_form("text/html") == PLAIN
    assert error_form(f"{PROTOBUF},{KUBECTL}") == PLAIN
    assert error_form(PROTOBUF) == Form(PROTOBUF)


def test_protobuf_is_for_those_who_take_nothing_else() -> None:
    assert negotiate(PROTOBUF) == Form(PROTOBUF)
    partial = f"{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    assert negotiate(partial, protobuf=False) == Form(PROTOBUF, "PartialObjectMetadataList", "v1")
    with pytest.raises(StatusError, match="only the following media types are accepted"):
        negotiate(PROTOBUF, protobuf=False)


def test_what_has_no_rows_is_no_table() -> None:
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    with pytest.raises(StatusError) as refused:
        negotiate(table, tables=False)
    assert refused.value.code == 406
    assert negotiate(f"{table}, application/json", tables=False) == PLAIN
    assert negotiate("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", tables=False).kind
