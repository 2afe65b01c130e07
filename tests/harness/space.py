"""One test's namespace in a shared cluster, and the questions tests ask about it."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from harness.cluster import IMAGE, Cluster, eventually
from harness.terminal import Terminal

Obj = dict[str, Any]


class Space:
    """kubectl bound to a namespace."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 60.0) -> str:
        return self.cluster.kubectl("-n", self.name, *arguments, stdin=stdin, timeout=timeout)

    def kubectl_fails(self, *arguments: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl_fails("-n", self.name, *arguments, stdin=stdin)

    def apply(self, manifest: str | Obj | list[Obj], *arguments: str) -> str:
        return self.cluster.apply(manifest, "-n", self.name, *arguments)

    def get(self, *what: str) -> Any:
        return self.cluster.get("-n", self.name, *what)

    def names(self, *what: str) -> set[str]:
        return {item["metadata"]["name"] for item in self.get(*what)["items"]}

    def wait(self, what: str, condition: str, *more: str, within: int = 60) -> str:
        """kubectl wait."""
        return self.kubectl("wait", what, f"--for={condition}", f"--timeout={within}s", *more, timeout=within + 10)

    def ready(self, *pods: str, within: int = 60) -> None:
        for pod in pods:
            self.wait(f"pod/{pod}", "condition=Ready", within=within)

    def exec(self, pod: str, command: str, *, container: str | None = None) -> str:
        """The output of a shell command in a container."""
        chosen = ["-c", container] if container else []
        return self.kubectl("exec", pod, *chosen, "--", "sh", "-c", command)

    def events(self, name: str) -> list[Obj]:
        """The object's events, oldest first."""
        items = self.get("events", f"--field-selector=involvedObject.name={name}")["items"]
        return sorted(items, key=lambda event: str(event.get("firstTimestamp") or event.get("eventTime")))

    def event(self, name: str, reason: str, *, within: float = 30.0) -> Obj:
        """The object's event of that reason, once there is one."""

        def find() -> Obj | None:
            return next((event for event in self.events(name) if event["reason"] == reason), None)

        found: Obj = eventually(find, within=within, what=f"an event {reason} of {name}")
        return found

    def container(self, pod: str, name: str | None = None) -> Obj:
        """The status of a Pod's first or named container."""
        statuses = self.get("pod", pod)["status"]["containerStatuses"]
        return next(status for status in statuses if name in (None, status["name"]))

    @contextlib.contextmanager
    def terminal(self, *arguments: str) -> Iterator[Terminal]:
        """kubectl on a terminal."""
        command = self.cluster.inside(["kubectl", "-n", self.name, *arguments])
        environment = {**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig), "TERM": "dumb"}
        with Terminal(command, environment=environment) as terminal:
            yield terminal

    def diagnosis(self) -> str:
        """What a person would look at after a failure."""
        shown = [
            self.cluster.run("kubectl", "-n", self.name, *arguments.split(), check=False, timeout=20).stdout
            for arguments in ("get all -o wide", "get events --sort-by=.metadata.creationTimestamp")
        ]
        return "\n".join(shown)


def pod(
    name: str, script: str | None = None, *, spec: Obj | None = None, labels: Obj | None = None, **more: Any
) -> Obj:
    """A Pod of one container `main` of the sample image.

    `script` runs in a shell instead of the web server; `more` goes into the container, `spec` into the Pod.
    """
    container: Obj = {"name": "main", "image": IMAGE, **more}
    if script is not None:
        container["command"] = ["sh", "-c", script]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **(spec or {})},
    }
