"""What counts as a manifest, and what is read from it."""

from pathlib import Path

import pytest

from minik.server.addons.manifests import MOST_BYTES, ManifestError, addon_name, read_directory, skipped

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


@pytest.mark.parametrize(
    ("file", "name"),
    [("a.yaml", "a"), ("My App.yml", "my-app"), ("v1.2_x.json", "v1.2-x"), ("-.yaml", ""), ("ü.yaml", "")],
)
def test_files_name_their_addons(file: str, name: str) -> None:
    assert addon_name(Path(file)) == name


def test_documents_lists_and_json_become_objects(tmp_path: Path) -> None:
    secret = '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}}'
    listed = f'{{"apiVersion": "v1", "kind": "List", "items": [{secret}]}}'
    text = f"---\n{CONFIG_MAP % 'a'}--- # another\n{CONFIG_MAP % 'b'}---\n# nothing\n---\n{listed}\n"
    (tmp_path / "all.yaml").write_text(text)
    manifests, problems = read_directory(tmp_path)
    assert problems == {}
    assert [(obj["kind"], obj["metadata"]["name"]) for obj in manifests["all"].objects()] == [
        ("ConfigMap", "a"),
        ("ConfigMap", "b"),
        ("Secret", "c"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "did not find expected node content"),
        ("- a\n", "Object 'Kind' is missing"),
        ("kind: Pod\n", "Object 'apiVersion' is missing"),
        ("kind: Pod\napiVersion: v1\n", "resource name may not be empty"),
        ("kind: Pod\napiVersion: v1\nmetadata: {name: 7}\n", "resource name may not be empty"),
    ],
)
def test_what_is_no_object_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ManifestError, match=problem):
        read_directory(tmp_path)[0]["bad"].objects()


def test_only_manifests_are_read(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("a.yaml", "a.yml", "below/b.json", ".hidden.yaml", "notes.txt", "c.yaml.skip"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "big.yaml").write_bytes(b" " * (MOST_BYTES + 1))
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    manifests, problems = read_directory(tmp_path)
    assert manifests.keys() == {"a", "b"}
    assert problems == {
        str(tmp_path / "a.yml"): f"{tmp_path / 'a.yaml'} is the add-on a already",
        str(tmp_path / "big.yaml"): "larger than 3 MiB",
    }
    assert skipped(tmp_path) == {"c"}
