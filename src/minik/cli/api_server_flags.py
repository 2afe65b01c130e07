"""kube-apiserver's flags that `minik server` takes under their own names, and how typer learns of them.

A table, since nothing differs from flag to flag but the name and the words; config.ServerConfig says what they mean.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_origin, get_type_hints

import typer

from minik.config import ServerConfig

_AUTHENTICATION, _AUTHORIZATION, _LOAD, _RECORD = "Authentication", "Authorization", "Load", "Audit"

_FLAGS: dict[str, tuple[str, str]] = {
    "runtime-config": (
        "Cluster",
        "Versions to serve besides stable ones: api/beta=true, GROUP/VERSION=true (repeatable)",
    ),
    "etcd-compaction-interval": ("Cluster", "How long history is kept, 0 for ever [5m0s]"),
    "event-ttl": ("Cluster", "How long Events are kept [1h0m0s]"),
    "authorization-mode": (
        _AUTHORIZATION,
        "Authorizers in order: Node, RBAC, ABAC, Webhook, AlwaysAllow, AlwaysDeny [Node,RBAC]",
    ),
    "authorization-policy-file": (_AUTHORIZATION, "Policies of mode ABAC, one a line"),
    "authorization-config": (_AUTHORIZATION, "AuthorizationConfiguration: authorizers with all their settings"),
    "authorization-webhook-version": (_AUTHORIZATION, "Version of SubjectAccessReview that is sent [v1beta1]"),
    "authorization-webhook-cache-authorized-ttl": (_AUTHORIZATION, "How long a yes is remembered [5m0s]"),
    "authorization-webhook-cache-unauthorized-ttl": (_AUTHORIZATION, "How long a no is remembered [30s]"),
    "authentication-token-webhook-version": (_AUTHENTICATION, "Version of TokenReview that is sent [v1beta1]"),
    "authentication-token-webhook-cache-ttl": (_AUTHENTICATION, "How long an answer is remembered [2m0s]"),
    "client-ca-file": (_AUTHENTICATION, "Further CAs whose client certificates are trusted"),
    "requestheader-client-ca-file": (_AUTHENTICATION, "Further CAs of front proxies"),
    "requestheader-allowed-names": (_AUTHENTICATION, "Common names of front proxies [system:auth-proxy]"),
    "requestheader-username-headers": (_AUTHENTICATION, "Headers that name the user [X-Remote-User]"),
    "requestheader-uid-headers": (_AUTHENTICATION, "Headers that give the user's UID [X-Remote-Uid]"),
    "requestheader-group-headers": (_AUTHENTICATION, "Headers that name groups [X-Remote-Group]"),
    "requestheader-extra-headers-prefix": (_AUTHENTICATION, "Begin of headers of extras [X-Remote-Extra-]"),
    "service-account-issuer": (_AUTHENTICATION, "Issuer of tokens; the first one signs (repeatable)"),
    "service-account-key-file": (_AUTHENTICATION, "PEM keys by which tokens are verified besides the own (repeatable)"),
    "service-account-signing-key-file": (_AUTHENTICATION, "PEM key that signs tokens [service.key]"),
    "service-account-max-token-expiration": (_AUTHENTICATION, "Longest life of a token [no limit]"),
    "service-account-extend-token-expiration": (_AUTHENTICATION, "Let Pods' tokens live for a year, with a warning"),
    "service-account-jwks-uri": (_AUTHENTICATION, "Where clients find the keys [this server]"),
    "api-audiences": (_AUTHENTICATION, "Audiences of tokens for this server [the issuers]"),
    "encryption-provider-config-automatic-reload": ("Access", "Take in changes of the encryption configuration"),
    "enable-priority-and-fairness": (_LOAD, "Share out seats by FlowSchemas [true]"),
    "max-requests-inflight": (_LOAD, "Reading requests served at once [400]"),
    "max-mutating-requests-inflight": (_LOAD, "Writing requests served at once [200]"),
    "request-timeout": (_LOAD, "How long a request may take [1m0s]"),
    "shutdown-delay-duration": (_LOAD, "How long to serve on after /readyz has failed [0s]"),
    "audit-webhook-mode": (_RECORD, "batch or blocking [batch]"),
    "audit-webhook-batch-max-size": (_RECORD, "Most events in a batch [400]"),
    "audit-webhook-batch-max-wait": (_RECORD, "Longest wait for a full batch [30s]"),
    "audit-webhook-batch-buffer-size": (_RECORD, "Events that may wait [10000]"),
    "audit-webhook-initial-backoff": (_RECORD, "Wait before the first retry [10s]"),
    "audit-webhook-truncate-enabled": (_RECORD, "Shorten large events and batches"),
    "audit-webhook-truncate-max-batch-size": (_RECORD, "Bytes of a batch [10485760]"),
    "audit-webhook-truncate-max-event-size": (_RECORD, "Bytes of an event [102400]"),
}


def with_api_server_flags(command: Callable[..., None]) -> Callable[..., None]:
    """`command` gets the table's flags in its `**` parameter; typer reads them from the signature."""
    signature = inspect.signature(command)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    hints = get_type_hints(ServerConfig)
    kinds = {field.name: hints[field.name] for field in dataclasses.fields(ServerConfig)}
    further = [_parameter(flag, panel, words, kinds[flag.replace("-", "_")]) for flag, (panel, words) in _FLAGS.items()]
    lists = {flag.replace("-", "_") for flag in _FLAGS if get_origin(kinds[flag.replace("-", "_")]) is tuple}
    keyword_only = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]

    def run(**flags: Any) -> None:
        command(**{name: _split(value) if name in lists else value for name, value in flags.items()})

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = signature.replace(parameters=[*keyword_only, *further])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in (*own, *further)}
    return run


def _split(values: list[str] | None) -> list[str]:
    """Upstream's lists may be repeated flags and comma-separated ones."""
    return [each for value in values or () for each in value.split(",")]


def _parameter(flag: str, panel: str, words: str, kind: Any) -> inspect.Parameter:
    names = [f"--{flag}"]
    accepted: Any = str | None
    if kind is bool:
        names, accepted = [f"--{flag}/--no-{flag}"], bool | None
    elif kind is int:
        accepted = int | None
    elif kind is not str:
        accepted = list[str] | None
    option = typer.Option(*names, help=words, rich_help_panel=panel, show_default=False)
    annotation: Any = Annotated[accepted, option]
    return inspect.Parameter(
        flag.replace("-", "_"), inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )
