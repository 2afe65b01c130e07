"""`pods/log`: checked here, streamed from the kubelet.

Upstream: registry/core/pod/rest/log.go and the validation of PodLogOptions.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import aiohttp

from minik.api.request import Response
from minik.api.schema.clock import canonical
from minik.api.status import StatusError, bad_request, internal_error
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid, invalid_value, not_supported
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.read_options import parse_int
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.streaming.kubelets import CONNECT_TIMEOUT, Kubelets, container_of
from minik.server.apiserver.webhooks.refusals import connection_text

_PASSED_ON = ("follow", "previous", "timestamps", "sinceSeconds", "sinceTime", "tailLines", "limitBytes", "stream")
_AT_LEAST = {"tailLines": 0, "limitBytes": 1, "sinceSeconds": 1}
_TOO_SMALL = ("must be greater than or equal to 0", "must be greater than 0")
_STREAMS = ("All", "Stderr", "Stdout")
CHUNK = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Logs:
    """Serves the subresource."""

    kubelets: Kubelets

    async def serve(self, registry: Registry, call: Call) -> Response:
        errors = _errors(call)
        if errors:
            raise invalid("", "PodLogOptions", call.name, errors)
        current = registry.storage.get(call.resource, call.namespace, call.name)
        if current is None:
            raise call.not_found()
        pod = registry.layout(call.resource).decode(current)
        container = container_of(pod, call.parameter("container"))
        node = pod["spec"].get("nodeName")
        if not node:
            return Response(status=204, content_type="")
        return await self._stream(call, pod, node, container)

    async def _stream(self, call: Call, pod: Obj, node: str, container: str) -> Response:
        endpoint = self.kubelets.endpoint(node)
        meta = pod["metadata"]
        values = [(name, call.parameter(name)) for name in _PASSED_ON if call.parameter(name)]
        path = f"/containerLogs/{quote(meta['namespace'])}/{quote(meta['name'])}/{quote(container)}"
        url = f"https://{endpoint.authority}{path}{'?' if values else ''}{urlencode(values)}"
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT)
        session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(ssl=self.kubelets.tls))
        try:
            answer = await session.get(url)
            if answer.status != 200:
                raise _refused(answer.status, (await answer.text()).strip(), meta["name"])
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            await session.close()
            text = connection_text(error) if str(error) else f"dial tcp {endpoint.authority}: i/o timeout"
            raise StatusError(500, "", f'Get "{url}": {text}') from None
        except BaseException:
            await session.close()
            raise
        return Response(content_type="text/plain", stream=_Chunks(session, answer))


def _refused(code: int, text: str, pod: str) -> StatusError:
    """What a kubelet's refusal becomes: only some of its words are handed on."""
    if code == 500:
        return internal_error(text)
    if code == 400:
        return bad_request(text)
    reason, message = {
        401: ("Unauthorized", "the server has asked for the client to provide credentials"),
        403: ("Forbidden", text),
        404: ("NotFound", "the server could not find the requested resource"),
    }.get(code, ("", f"the server responded with the status code {code} but did not return more information"))
    return StatusError(code, reason, f"{message} ( pods/log {pod})", name=pod, kind="pods/log")


class _Chunks:
    """What the kubelet sends, as it comes; holds a connection until `aclose`, also when nobody begins to read."""

    def __init__(self, session: aiohttp.ClientSession, answer: aiohttp.ClientResponse) -> None:
        self._session = session
        self._chunks = answer.content.iter_chunked(CHUNK)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except aiohttp.ClientError:  # the kubelet went away: the log ends here
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        await self._session.close()


def _errors(call: Call) -> list[FieldError]:
    """What is wrong with the options. Raises StatusError 400 for those that cannot be read."""
    errors = []
    numbers = {name: parse_int(call.parameter(name)) for name in _AT_LEAST if call.parameters(name)}
    if call.parameter("sinceTime") not in ("", "null"):
        try:
            canonical(call.parameter("sinceTime"))
        except ValueError as error:
            raise bad_request(str(error)) from None
    if "sinceSeconds" in numbers and call.parameters("sinceTime"):
        del numbers["sinceSeconds"]
        errors.append(forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    small = [(name, value) for name, value in numbers.items() if value < _AT_LEAST[name]]
    errors[:0] = [invalid_value(name, value, _TOO_SMALL[_AT_LEAST[name]]) for name, value in small]
    stream = call.parameter("stream")
    if stream and stream not in _STREAMS:
        errors.append(not_supported("stream", stream, _STREAMS))
    if stream not in ("", "All") and call.parameter("tailLines"):
        errors.append(forbidden("[]", "`tailLines` and specific `stream` are mutually exclusive for now"))
    return errors
