"""What upstream's registries check with validation: reading rights on parameters, administrative device access."""

from typing import Any

import pytest

from minik.api.groups import load
from minik.api.status import StatusError
from minik.api.types import UserInfo
from minik.server.apiserver.admission.device_admin_access import DeviceAdminAccess
from minik.server.apiserver.admission.param_permissions import ParamPermissions
from minik.server.apiserver.attributes import Attributes, Decision

SCHEME = load()
GROUP = {"group": "admissionregistration.k8s.io"}
CONFIG_MAPS = {"apiVersion": "v1", "kind": "ConfigMap"}
USER = UserInfo("bob", groups=("system:authenticated",))
SHOWN = "user &{bob  [system:authenticated] map[]}"


async def nobody(_: Attributes) -> Decision:
    return Decision(False)


async def readers_of_one(question: Attributes) -> Decision:
    asked = (question.verb, question.resource, question.namespace, question.name)
    return Decision(asked == ("get", "configmaps", "n", "c"))


async def refusal(plugin: Any, request: Any, user: UserInfo = USER) -> str:
    request.user = user
    try:
        await plugin.validate(request)
    except StatusError as error:
        return str(error.details["causes"][0]["field"]) + ": " + str(error.details["causes"][0]["message"])
    return ""


def policy(kind: Any = CONFIG_MAPS) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": {"paramKind": kind}}


async def test_a_policy_takes_what_its_author_may_read(objects: Any, write: Any) -> None:
    plugin = ParamPermissions(objects, SCHEME, nobody)
    said = await refusal(plugin, write("validatingadmissionpolicies", policy(), **GROUP))
    assert said == (
        f'spec.paramKind: Forbidden: {SHOWN} must have "get" permission on all objects of the referenced paramKind '
        "(kind=ConfigMap, apiVersion=v1)"
    )
    assert await refusal(plugin, write("validatingadmissionpolicies", policy(), policy(), **GROUP)) == ""
    admin = UserInfo("admin", groups=("system:masters",))
    assert await refusal(plugin, write("validatingadmissionpolicies", policy(), **GROUP), admin) == ""


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ({"name": "c", "namespace": "n"}, ""),
        (
            {"name": "d", "namespace": "n"},
            f'{SHOWN} does not have "get" permission on the object referenced by paramRef',
        ),
        ({"selector": {}}, f'{SHOWN} does not have "list" permission on the object referenced by paramRef'),
    ],
)
async def test_a_binding_refers_to_what_its_author_may_read(
    objects: Any, write: Any, reference: dict[str, Any], complaint: str
) -> None:
    objects.add("validatingadmissionpolicies", policy())
    binding = {"metadata": {"name": "b"}, "spec": {"policyName": "p", "paramRef": reference}}
    said = await refusal(
        ParamPermissions(objects, SCHEME, readers_of_one), write("validatingadmissionpolicybindings", binding, **GROUP)
    )
    assert said.removeprefix("spec.paramRef: Forbidden: ") == complaint


async def test_a_binding_of_an_unknown_policy_needs_everything(objects: Any, write: Any) -> None:
    binding = {"metadata": {"name": "b"}, "spec": {"policyName": "x", "paramRef": {"name": "c"}}}
    said = await refusal(
        ParamPermissions(objects, SCHEME, nobody), write("validatingadmissionpolicybindings", binding, **GROUP)
    )
    assert "unable to get policy x to determine minimum required permissions" in said


@pytest.mark.parametrize(("label", "complaint"), [("true", ""), ("", "spec.devices.requests[0].adminAccess")])
async def test_administration_of_devices_is_for_labelled_namespaces(
    objects: Any, write: Any, label: str, complaint: str
) -> None:
    objects.add("namespaces", {"metadata": {"name": "ns", "labels": {"resource.kubernetes.io/admin-access": label}}})
    requests = [{"name": "r", "exactly": {"deviceClassName": "c", "adminAccess": True}}]
    claim = {"metadata": {"name": "c"}, "spec": {"devices": {"requests": requests}}}
    said = await refusal(DeviceAdminAccess(objects), write("resourceclaims", claim, group="resource.k8s.io"))
    assert said.startswith(complaint)
    assert bool(said) == bool(complaint)
