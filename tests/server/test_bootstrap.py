"""The first objects: written once, completed later, left alone otherwise."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from minik.api.groups import load
from minik.api.scheme import Scheme
from minik.api.types import Obj
from minik.server.apiserver.registry.keys import object_key
from minik.server.apiserver.registry.storage import Storage
from minik.server.bootstrap.cluster import ClusterSettings
from minik.server.bootstrap.policy import cluster_role_rules, rbac_objects, served_rules
from minik.server.bootstrap.reconcile import bootstrap
from minik.store.open import open_store

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SCHEME = load()


def settings(**changes: Any) -> ClusterSettings:
    given: dict[str, Any] = {
        "service_cidr": "10.43.0.0/16",
        "advertise_address": "192.0.2.7",
        "port": 6443,
        "client_ca": "CA",
        "request_header_ca": "RCA",
    }
    return ClusterSettings(**(given | changes))


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_store(tmp_path) as store:
        yield Storage(store)


def get(storage: Storage, group: str, plural: str, name: str, namespace: str = "") -> Obj:
    resource = SCHEME.get(group, "v1", plural)
    assert resource is not None
    kv = storage.get(resource, namespace, name)
    assert kv is not None
    return storage.layouts.of(resource).decode(kv)


async def put(storage: Storage, plural: str, obj: Obj) -> None:
    resource = SCHEME.get("rbac.authorization.k8s.io", "v1", plural)
    assert resource is not None
    kv = storage.get(resource, "", obj["metadata"]["name"])
    assert kv is not None
    await storage.replace(resource, kv, storage.layouts.of(resource).encode(obj))


async def test_the_first_start_writes_in_one_revision_and_the_second_nothing(storage: Storage) -> None:
    revision = storage.store.revision
    assert await bootstrap(storage, SCHEME, settings(), NOW) > 150
    assert storage.store.revision == revision + 1
    assert await bootstrap(storage, SCHEME, settings(), NOW) == 0
    assert get(storage, "", "services", "kubernetes", "default")["spec"]["clusterIP"] == "10.43.0.1"


async def test_a_new_address_is_written_where_clients_look(storage: Storage) -> None:
    await bootstrap(storage, SCHEME, settings(), NOW)
    assert await bootstrap(storage, SCHEME, settings(advertise_address="192.0.2.8"), NOW) == 2
    endpoints = get(storage, "", "endpoints", "kubernetes", "default")
    assert endpoints["subsets"][0]["addresses"] == [{"ip": "192.0.2.8"}]


RBAC = "rbac.authorization.k8s.io"


async def test_missing_rules_come_back_and_added_ones_stay(storage: Storage) -> None:
    await bootstrap(storage, SCHEME, settings(), NOW)
    extra = {"verbs": ["get"], "apiGroups": ["x"], "resources": ["y"]}
    role = get(storage, RBAC, "clusterroles", "system:kube-dns")
    await put(storage, "clusterroles", {**role, "rules": [extra]})
    assert await bootstrap(storage, SCHEME, settings(), NOW) == 1
    wanted = cluster_role_rules()["system:kube-dns"]
    assert get(storage, RBAC, "clusterroles", "system:kube-dns")["rules"] == [extra, *wanted]


async def test_autoupdate_may_be_switched_off(storage: Storage) -> None:
    await bootstrap(storage, SCHEME, settings(), NOW)
    role = get(storage, RBAC, "clusterroles", "system:kube-dns")
    metadata = {**role["metadata"], "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}
    await put(storage, "clusterroles", {**role, "metadata": metadata, "rules": []})
    assert await bootstrap(storage, SCHEME, settings(), NOW) == 0


async def test_missing_subjects_come_back(storage: Storage) -> None:
    await bootstrap(storage, SCHEME, settings(), NOW)
    binding = get(storage, RBAC, "clusterrolebindings", "system:discovery")
    mine = {"kind": "User", "apiGroup": RBAC, "name": "jane"}
    await put(storage, "clusterrolebindings", {**binding, "subjects": [mine]})
    assert await bootstrap(storage, SCHEME, settings(), NOW) == 1
    subjects = get(storage, RBAC, "clusterrolebindings", "system:discovery")["subjects"]
    assert [subject["name"] for subject in subjects] == ["jane", "system:authenticated"]


@pytest.mark.parametrize(("autoupdate", "written"), [("true", 1), ("false", 0)])
async def test_flow_schemas_of_older_versions_go(storage: Storage, autoupdate: str, written: int) -> None:
    await bootstrap(storage, SCHEME, settings(), NOW)
    resource = SCHEME.get("flowcontrol.apiserver.k8s.io", "v1", "flowschemas")
    assert resource is not None
    old = get(storage, resource.group, "flowschemas", "probes")
    metadata = {**old["metadata"], "name": "old", "annotations": {"apf.kubernetes.io/autoupdate-spec": autoupdate}}
    value = storage.layouts.of(resource).encode({**old, "metadata": metadata})
    await storage.insert(resource, object_key(resource, "", "old"), value)
    assert await bootstrap(storage, SCHEME, settings(), NOW) == written
    assert (storage.get(resource, "", "old") is None) is bool(written)


@pytest.mark.parametrize("scheme", [load({}), SCHEME])
def test_every_binding_has_its_role(scheme: Scheme) -> None:
    objects = list(rbac_objects(served_rules(scheme)))
    roles = {
        (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in objects if "roleRef" not in o
    }
    for obj in objects:
        if "roleRef" in obj:
            role = obj["roleRef"]
            namespace = obj["metadata"].get("namespace", "") if role["kind"] == "Role" else ""
            assert (role["kind"], namespace, role["name"]) in roles


def test_roles_know_what_is_served_only_when_asked_for() -> None:
    def may_read_bundles(scheme: Scheme) -> bool:
        roles = {o["metadata"]["name"]: o for o in rbac_objects(served_rules(scheme)) if o["kind"] == "ClusterRole"}
        publisher = "system:controller:kube-apiserver-serving-clustertrustbundle-publisher"
        of_node = any("clustertrustbundles" in rule.get("resources", ()) for rule in roles["system:node"]["rules"])
        assert of_node is (publisher in roles)
        return of_node

    assert may_read_bundles(SCHEME)
    assert not may_read_bundles(load({}))
