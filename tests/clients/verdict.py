"""What every answer of an API server must be, whatever it was sent."""

from harness.wire import Answer


def check(answer: Answer) -> None:
    """An object, or a Status that says what the client did wrong: never a failure of the server's own.

    Upstream calls some mistakes of clients 500 (a patch that does not fit the schema), but gives those no reason.
    """
    if not answer.headers.get("Content-Type", "").startswith("application/json"):
        assert answer.status < 500, f"{answer.status}: {answer.body[:2000]!r}"
        return
    body = answer.json()
    assert answer.status < 500 or (answer.status == 500 and not body.get("reason")), body
    assert body["kind"]
    assert body["apiVersion"]
    if answer.status >= 400:
        assert (body["kind"], body["apiVersion"], body["status"]) == ("Status", "v1", "Failure")
        assert body["code"] == answer.status
        assert body["message"]
