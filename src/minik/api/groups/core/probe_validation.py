"""Validation of probes and lifecycle hooks.

Rules: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes
"""

from collections.abc import Callable, Mapping

from minik.api import names
from minik.api.groups.core.resources_validation import NOT_NEGATIVE
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_SCHEMES = ("HTTP", "HTTPS")
_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_ALL_SIGNALS = (
    "SIGABRT SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL SIGPIPE SIGPOLL "
    "SIGPROF SIGPWR SIGQUIT SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 "
    "SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ"
)


def validate_port(port: int | str, path: str) -> list[FieldError]:
    """A port's number or name."""
    complaints = names.port_number(port) if isinstance(port, int) else names.port_name(port)
    return [invalid_value(path, port, text) for text in complaints]


def _validate_exec(action: Obj, path: str) -> list[FieldError]:
    return [] if action.get("command") else [required(f"{path}.command")]


def _validate_http_get(action: Obj, path: str) -> list[FieldError]:
    errors = [] if action.get("path") else [required(f"{path}.path")]
    errors += validate_port(action.get("port", 0), f"{path}.port")
    scheme = action.get("scheme", "")
    if scheme not in _SCHEMES:
        errors.append(not_supported(f"{path}.scheme", scheme, _SCHEMES))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        errors += [invalid_value(f"{path}.httpHeaders", name, text) for text in names.http_header_name(name)]
    return errors


def _validate_port_action(action: Obj, path: str) -> list[FieldError]:
    return validate_port(action.get("port", 0), f"{path}.port")


_ACTIONS: Mapping[str, Callable[[Obj, str], list[FieldError]]] = {
    "exec": _validate_exec,
    "httpGet": _validate_http_get,
    "tcpSocket": _validate_port_action,
    "grpc": _validate_port_action,
}


def _validate_sleep(action: Obj, grace_period: int | None, path: str) -> list[FieldError]:
    seconds = action.get("seconds", 0)
    if grace_period is None or 0 <= seconds <= grace_period:
        return []
    text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_period})"
    return [invalid_value(path, seconds, text)]


def _validate_handler(handler: Obj, grace_period: int | None, path: str) -> list[FieldError]:
    """Exactly one action."""
    errors: list[FieldError] = []
    found = False
    for kind in (*_ACTIONS, "sleep"):
        action = handler.get(kind)
        if action is None:
            continue
        if found:
            errors.append(forbidden(f"{path}.{kind}", "may not specify more than 1 handler type"))
        elif kind == "sleep":
            errors += _validate_sleep(action, grace_period, f"{path}.sleep")
        else:
            errors += _ACTIONS[kind](action, f"{path}.{kind}")
        found = True
    return errors if found else [required(path, "must specify a handler type")]


def _validate_probe(probe: Obj, grace_period: int | None, path: str) -> list[FieldError]:
    errors = _validate_handler(probe, grace_period, path)
    for key in _COUNTS:
        if probe.get(key, 0) < 0:
            errors.append(invalid_value(f"{path}.{key}", probe[key], NOT_NEGATIVE))
    own = probe.get("terminationGracePeriodSeconds")
    if own is not None and own <= 0:
        errors.append(invalid_value(f"{path}.terminationGracePeriodSeconds", own, "must be greater than 0"))
    return errors


def validate_probes(container: Obj, grace_period: int | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe, at = container.get(kind), f"{path}.{kind}"
        if probe is None:
            continue
        errors += _validate_probe(probe, grace_period, at)
        if kind == "readinessProbe":
            if probe.get("terminationGracePeriodSeconds") is not None:
                text = "must not be set for readinessProbes"
                seconds = probe["terminationGracePeriodSeconds"]
                errors.append(invalid_value(f"{at}.terminationGracePeriodSeconds", seconds, text))
        elif probe.get("successThreshold", 0) != 1:
            errors.append(invalid_value(f"{at}.successThreshold", probe.get("successThreshold", 0), "must be 1"))
    return errors


def validate_lifecycle(container: Obj, grace_period: int | None, os_name: str | None, path: str) -> list[FieldError]:
    """Hooks, and the stop signal, whose numbers depend on the Pod's operating system (KEP-4960)."""
    lifecycle = container.get("lifecycle")
    if lifecycle is None:
        return []
    errors: list[FieldError] = []
    for hook in ("postStart", "preStop"):
        if lifecycle.get(hook) is not None:
            errors += _validate_handler(lifecycle[hook], grace_period, f"{path}.lifecycle.{hook}")
    signal = lifecycle.get("stopSignal")
    if signal is None:
        return errors
    at = f"{path}.lifecycle.stopSignal"
    if os_name is None:
        return [*errors, forbidden(at, "may not be set for containers with empty `spec.os.name`")]
    if os_name not in ("linux", "windows"):
        return errors
    allowed = _linux_signals() if os_name == "linux" else ("SIGKILL", "SIGTERM")
    return errors if signal in allowed else [*errors, not_supported(at, signal, allowed)]


def _linux_signals() -> tuple[str, ...]:
    realtime = ["SIGRTMIN", *(f"SIGRTMIN+{n}" for n in range(1, 16))]
    realtime += ["SIGRTMAX", *(f"SIGRTMAX-{n}" for n in range(1, 15))]
    return tuple(sorted([*_ALL_SIGNALS.split(), *realtime]))
