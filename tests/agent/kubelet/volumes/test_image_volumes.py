from pathlib import Path
from typing import Any

import pytest

from minik.agent.kubelet.images import ImageError
from minik.agent.kubelet.volumes.pod_volumes import PodVolumes, SetUpFailed
from minik.agent.kubelet.volumes.volume import VolumeContext


class Images:
    async def ensure(self, *_: Any, **__: Any) -> None:
        raise ImageError("ErrImagePull", "no such image")


async def test_containers_that_mount_an_image_wait_for_it_like_for_their_own(tmp_path: Path) -> None:
    mount = {"name": "tools", "mountPath": "/tools"}
    spec = {
        "volumes": [{"name": "tools", "image": {"reference": "i"}}, {"name": "odd", "odd": {}}],
        "containers": [{"name": "uses", "volumeMounts": [mount]}, {"name": "other"}],
    }
    pod = {"metadata": {"uid": "u", "namespace": "ns"}, "spec": spec}
    nothing: Any = None
    images: Any = Images()
    context = VolumeContext(pod, tmp_path, nothing, nothing, nothing, nothing, images, nothing)
    with pytest.raises(SetUpFailed) as failed:
        await PodVolumes().set_up(context)
    assert failed.value.waiting(pod) == {"uses": ("ErrImagePull", "no such image")}
    assert failed.value.errors == {"odd": "no volume plugin matched: odd"}
    assert SetUpFailed({}, {}).waiting(pod) == {}
