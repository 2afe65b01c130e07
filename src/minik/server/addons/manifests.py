"""Manifests in a directory: which files there are, and the objects in them.

A file is <name>.yaml, .yml or .json, in the directory or below; its name without the ending names the add-on. Next to
it a file <name>.yaml.skip keeps minik's hands off. Files are read with a limit on their size, and YAML by the reader
that request bodies go through, which bounds what aliases can become.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from minik.api.codec.yaml_codec import YAMLError, loads
from minik.api.names import dns_subdomain
from minik.api.types import Obj

MOST_BYTES = 3 << 20  # of one file
ENDINGS = (".yaml", ".yml", ".json")
_SEPARATOR = re.compile(rb"^---(?:[ \t].*)?$", re.MULTILINE)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9.-]+")


class ManifestError(Exception):
    """A file cannot be used. The message is for an Event."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One file as it is now. `checksum` is the SHA-256 of its content, `changed` its mtime in epoch seconds."""

    name: str
    path: Path
    content: bytes
    changed: float

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def objects(self) -> list[Obj]:
        """In the file's order, Lists taken apart. Raises ManifestError."""
        found: list[Obj] = []
        for document in _SEPARATOR.split(self.content):
            try:
                value, _ = loads(document)
            except YAMLError as error:
                raise ManifestError(f"{self.path.name}: {error}") from None
            if value is not None:
                found += _taken_apart(value, self.path.name)
        return found


def addon_name(path: Path) -> str:
    """What the Addon of a file is called; "" if the file's name has nothing a name could be made of."""
    name = _NOT_IN_NAMES.sub("-", path.stem.lower()).strip("-.")
    return name if not dns_subdomain(name) else ""


def read_directory(directory: Path) -> tuple[dict[str, Manifest], dict[str, str]]:
    """Manifests by name, and why other files cannot be used, by path. Skipped files are in neither. Blocking."""
    manifests: dict[str, Manifest] = {}
    problems: dict[str, str] = {}
    for path in sorted(directory.rglob("*")):
        if path.suffix not in ENDINGS or path.name.startswith("."):
            continue
        try:
            manifest = _read(path, manifests)
        except ManifestError as error:
            problems[str(path)] = str(error)
        except OSError as error:
            problems[str(path)] = error.strerror or str(error)
        else:
            if manifest is not None:
                manifests[manifest.name] = manifest
    return manifests, problems


def skipped(directory: Path) -> set[str]:
    """The names of add-ons with a .skip file. Blocking."""
    return {addon_name(path.with_suffix("")) for path in directory.rglob("*.skip")}


def _read(path: Path, others: dict[str, Manifest]) -> Manifest | None:
    if not path.is_file():
        return None
    name = addon_name(path)
    if not name:
        raise ManifestError("the file's name cannot name an add-on")
    if name in others:
        raise ManifestError(f"{others[name].path} is the add-on {name} already")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
        changed = path.stat().st_mtime
    if len(content) > MOST_BYTES:
        raise ManifestError(f"larger than {MOST_BYTES >> 20} MiB")
    return Manifest(name, path, content, changed)


def _taken_apart(value: object, file: str) -> list[Obj]:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise ManifestError(f"{file}: Object 'Kind' is missing")
    if not isinstance(value.get("apiVersion"), str):
        raise ManifestError(f"{file}: Object 'apiVersion' is missing")
    if value["kind"].endswith("List") and isinstance(value.get("items"), list):
        return [each for item in value["items"] for each in _taken_apart(item, file)]
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise ManifestError(f"{file}: {value['kind']}: resource name may not be empty")
    return [value]
