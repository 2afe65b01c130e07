"""schemathesis against the published OpenAPI v3 documents: what comes back is what they promise, whatever is sent.

Reads of real objects must answer 200 and fit their schemas; generated requests of every operation must end well.
Nothing is written: all other requests are dry runs.
"""

import base64
import http.client
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from hypothesis import given
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.checks import response_schema_conformance

from clients.fuzzing import examples
from clients.samples import FUZZ_NAMESPACE, Sample
from clients.verdict import check
from harness.api_server import ApiServer
from harness.wire import Answer, Wire

DOCUMENTS = ["api/v1", "apis/apps/v1", "apis/batch/v1", "apis/rbac.authorization.k8s.io/v1", "apis/fuzz.example.com/v1"]
http.client._MAXHEADERS = 5000  # type: ignore[attr-defined]  # every unknown field is a Warning header
_STREAMS = {"proxy", "exec", "attach", "portforward", "log", "{path}"}


class Endpoint:
    """The server as schemathesis calls it."""

    def __init__(self, server: ApiServer, certificates: Any) -> None:
        self._url = server.url
        self._session = requests.Session()
        self._session.trust_env = False  # a CA bundle of the machine would win over ours
        self._verify, self._certificate = certificates[0], (certificates[1], certificates[2])

    def call(self, case: Any) -> Any:
        response = case.call(
            base_url=self._url, session=self._session, timeout=20, verify=self._verify, cert=self._certificate
        )
        headers = {name.title(): values[0] for name, values in response.headers.items()}
        check(Answer(response.status_code, headers, response.content))
        if response.status_code < 300:
            case.validate_response(response, checks=[response_schema_conformance])
        return response

    def close(self) -> None:
        self._session.close()


@pytest.fixture(scope="module")
def endpoint(api_server: ApiServer) -> Iterator[Endpoint]:
    content = yaml.safe_load(api_server.kubeconfig.read_text())
    parts = {**content["clusters"][0]["cluster"], **content["users"][0]["user"]}
    directory = api_server.directory / "certificates"
    directory.mkdir(mode=0o700)
    files = []
    for name in ("certificate-authority-data", "client-certificate-data", "client-key-data"):
        file = directory / name
        file.touch(mode=0o600)
        file.write_bytes(base64.b64decode(parts[name]))
        files.append(str(file))
    endpoint = Endpoint(api_server, files)
    yield endpoint
    endpoint.close()


def operations(wire: Wire, document: str) -> list[Any]:
    answer = wire.request("GET", f"/openapi/v3/{document}")
    assert answer.status == 200
    published = answer.json()
    for name, schema in published["components"]["schemas"].items():
        if name.endswith(("meta.v1.Time", "meta.v1.MicroTime")):
            schema["nullable"] = True  # absent times of Events are null, here and upstream; the document cannot say so
    schema = schemathesis.openapi.from_dict(published)
    found = [result.ok() for result in schema.get_all_operations()]
    assert found
    return [operation for operation in found if _STREAMS.isdisjoint(operation.path.split("/"))]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_reads_answer_as_documented(wire: Wire, live: dict[str, Sample], endpoint: Endpoint, document: str) -> None:
    names = {sample.plural: sample.manifest["metadata"]["name"] for sample in live.values()}
    fit = []
    for operation in operations(wire, document):
        segments = operation.path.split("/")
        plural = segments[segments.index("{name}") - 1] if "{name}" in segments else ""
        if operation.method != "get" or (plural and plural not in names):
            continue
        parameters = {"namespace": FUZZ_NAMESPACE, "name": names.get(plural, "")}
        parameters = {key: value for key, value in parameters.items() if f"{{{key}}}" in segments}
        response = endpoint.call(operation.Case(path_parameters=parameters))
        assert response.status_code == 200, f"{operation.path}: {response.text}"
        fit.append(operation.path)
    assert len(fit) >= 3


@pytest.mark.parametrize("document", DOCUMENTS)
def test_generated_requests_end_well(wire: Wire, live: dict[str, Sample], endpoint: Endpoint, document: str) -> None:
    for operation in operations(wire, document):

        @examples(2)
        @given(operation.as_strategy())
        def run(case: Any) -> None:
            case.query = {**(case.query or {}), "watch": "false"}
            if case.method.lower() != "get":
                case.query["dryRun"] = "All"
            if case.method.lower() == "delete":
                case.body = NOT_SET  # it could say otherwise
            endpoint.call(case)

        run()
