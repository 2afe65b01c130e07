"""Builds container images without a builder: files in, OCI image archive (a tar) out.

minik makes its own pause image and its sample image from static binaries of the host, so that a cluster works
without any registry. Layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import hashlib
import io
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "riscv64": "riscv64"}


@dataclass(frozen=True, slots=True)
class File:
    """A regular file, a symbolic link (`link`) or a directory (`directory`) of an image."""

    content: bytes | Path = b""
    mode: int = 0o644
    link: str = ""
    directory: bool = False
    uid: int = 0
    gid: int = 0


def host_architecture() -> str:
    """The host's architecture in Go's names (amd64, arm64), as images and nodes report it."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def build_image_archive(
    path: Path,
    name: str,
    *,
    files: Mapping[str, File],
    entrypoint: Sequence[str] = (),
    command: Sequence[str] = (),
    env: Sequence[str] = (),
    user: str = "",
    working_dir: str = "",
    exposed_ports: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    stop_signal: str = "",
) -> str:
    """Write the image `name` (such as minik.local/pause:1) with one layer of `files` to the archive `path`.

    Keys of `files` are absolute paths in the image; parent directories are added. The same input gives the same bytes.
    Returns the digest of the image's manifest ("sha256:...").
    """
    layer = _layer(files)
    settings: dict[str, Any] = {
        "Entrypoint": list(entrypoint),
        "Cmd": list(command),
        "Env": list(env) if any(entry.startswith("PATH=") for entry in env) else [_PATH, *env],
        "User": user,
        "WorkingDir": working_dir,
        "ExposedPorts": {port: {} for port in exposed_ports},
        "Labels": dict(labels or {}),
        "StopSignal": stop_signal,
    }
    architecture = host_architecture()
    config = orjson.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {key: value for key, value in settings.items() if value},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "minik"}],
        }
    )
    manifest = orjson.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    )
    entry = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    tag = name.rpartition(":")[2]
    entry["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag}
    entry["platform"] = {"architecture": architecture, "os": "linux"}
    index = orjson.dumps({"schemaVersion": 2, "manifests": [entry]})
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "oci-layout", orjson.dumps({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", index)
        for blob in (manifest, config, layer):
            _add(archive, f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}", blob)
    return _digest(manifest)


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _add(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    archive.addfile(info, io.BytesIO(content))


def _layer(files: Mapping[str, File]) -> bytes:
    entries = {name.strip("/"): file for name, file in files.items()}
    parents = {str(parent) for name in entries for parent in Path(name).parents} - {"."} - entries.keys()
    for parent in parents:
        entries[parent] = File(directory=True, mode=0o755)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as layer:
        for name in sorted(entries):
            _add_entry(layer, name, entries[name])
    return out.getvalue()


def _add_entry(layer: tarfile.TarFile, name: str, file: File) -> None:
    info = tarfile.TarInfo(name)
    info.mode, info.uid, info.gid = file.mode, file.uid, file.gid
    if file.directory:
        info.type = tarfile.DIRTYPE
        layer.addfile(info)
    elif file.link:
        info.type, info.linkname = tarfile.SYMTYPE, file.link
        layer.addfile(info)
    else:
        content = file.content.read_bytes() if isinstance(file.content, Path) else file.content
        info.size = len(content)
        layer.addfile(info, io.BytesIO(content))
