"""Events about one Pod and its containers, in upstream's words."""

from minik.agent.kubelet.volumes.pod_volumes import SetUpFailed
from minik.api.types import Obj
from minik.client.events import EventRecorder, object_reference

_KINDS = (("initContainers", "spec.initContainers"), ("ephemeralContainers", "spec.ephemeralContainers"))


class PodEvents:
    """`pod` is replaced whenever a newer version is known."""

    def __init__(self, recorder: EventRecorder, pod: Obj) -> None:
        self._recorder = recorder
        self.pod = pod

    def tell(self, container_name: str, kind: str, reason: str, message: str) -> None:
        """About one container."""
        self._recorder.event(self._reference(container_name), kind, reason, message)

    def pod_event(self, kind: str, reason: str, message: str) -> None:
        self._recorder.event(object_reference("v1", "Pod", self.pod), kind, reason, message)

    def failed_mounts(self, error: SetUpFailed) -> None:
        for name, text in error.errors.items():
            self.pod_event("Warning", "FailedMount", f'MountVolume.SetUp failed for volume "{name}" : {text}')

    def _reference(self, container_name: str) -> Obj:
        field = "spec.containers"
        for key, path in _KINDS:
            if any(container["name"] == container_name for container in self.pod["spec"].get(key) or ()):
                field = path
        return object_reference("v1", "Pod", self.pod, f"{field}{{{container_name}}}")
