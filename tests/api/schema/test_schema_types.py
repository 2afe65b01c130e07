"""The compact schema file yields upstream's types."""

import pytest

from minik.api.schema import types


def test_fields_know_how_they_merge_and_what_they_hold() -> None:
    ports = types.get("io.k8s.api.core.v1.Container").fields["ports"]
    assert (ports.type, ports.list_type, ports.map_keys) == ("list", "map", ("containerPort", "protocol"))
    assert (ports.patch_strategy, ports.patch_merge_key) == ("merge", "containerPort")
    assert ports.item is not None
    assert ports.item.shape is types.get("io.k8s.api.core.v1.ContainerPort")
    assert ports.item.shape.fields["protocol"].default == "TCP"


def test_scalars_maps_and_special_types() -> None:
    secret = types.get("io.k8s.api.core.v1.Secret").fields["data"]
    assert secret.type == "map"
    assert secret.item is not None
    assert secret.item.type == "bytes"
    assert types.get("io.k8s.api.core.v1.ServicePort").fields["targetPort"].type == "intstr"
    meta = types.get("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
    assert meta.fields["creationTimestamp"].type == "time"
    assert types.get("io.k8s.api.coordination.v1.LeaseSpec").fields["renewTime"].type == "microtime"


def test_types_that_are_atomic_say_so_where_they_are_used() -> None:
    selector = types.get("io.k8s.api.core.v1.ServiceSpec").fields["selector"]
    assert selector.map_type == "atomic"
    reference = types.get("io.k8s.api.core.v1.EnvVarSource").fields["secretKeyRef"]
    assert reference.map_type == "atomic"


def test_kinds_are_found_by_group_version_and_kind() -> None:
    assert types.name_of("apps", "v1", "Deployment") == "io.k8s.api.apps.v1.Deployment"
    assert types.name_of("", "v1", "ConfigMapList") == "io.k8s.api.core.v1.ConfigMapList"
    assert types.name_of("", "v1", "Deployment") is None
    assert types.get("io.k8s.api.apps.v1.Deployment").group_version_kind == ("apps", "v1", "Deployment")


def test_field_numbers_lead_through_embedded_structs() -> None:
    assert types.get("io.k8s.api.core.v1.PodSpec").fields["containers"].proto == 2
    assert types.get("io.k8s.api.core.v1.EphemeralContainer").fields["image"].proto == (1, 2)


def test_every_type_compiles_and_refers_to_types_that_exist() -> None:
    for name in types.names():
        for field in types.get(name).fields.values():
            held = field
            while held.item is not None:
                held = held.item
            assert held.type != "object" or held.shape is not None


def test_unknown_type() -> None:
    with pytest.raises(types.UnknownType):
        types.get("io.k8s.api.core.v1.Po")
