"""What --runtime-config switches on and off."""

import pytest

from minik.api.groups.runtime_config import RuntimeConfigError, parse, serves

KNOWN = [("", "v1"), ("apps", "v1"), ("storage.k8s.io", "v1beta1"), ("internal.apiserver.k8s.io", "v1alpha1")]


@pytest.mark.parametrize(
    ("entries", "resource", "served"),
    [
        ([], ("apps", "v1", "deployments"), True),
        ([], ("storage.k8s.io", "v1beta1", "things"), False),
        (["api/beta=true"], ("storage.k8s.io", "v1beta1", "things"), True),
        (["api/beta"], ("internal.apiserver.k8s.io", "v1alpha1", "storageversions"), False),
        (["api/all=true"], ("internal.apiserver.k8s.io", "v1alpha1", "storageversions"), True),
        (["api/all=true", "api/alpha=false"], ("internal.apiserver.k8s.io", "v1alpha1", "storageversions"), False),
        (["storage.k8s.io/v1beta1"], ("storage.k8s.io", "v1beta1", "things"), True),
        (["storage.k8s.io/v1beta1/things=true"], ("storage.k8s.io", "v1beta1", "things"), True),
        (["storage.k8s.io/v1beta1/things=true"], ("storage.k8s.io", "v1beta1", "others"), False),
        (["apps/v1=false"], ("apps", "v1", "deployments"), False),
        (["apps/v1/deployments=false"], ("apps", "v1", "replicasets"), True),
        (["v1/pods=false"], ("", "v1", "pods"), False),
    ],
)
def test_the_most_precise_entry_decides(entries: list[str], resource: tuple[str, str, str], served: bool) -> None:
    assert serves(parse(entries, KNOWN), *resource) is served


@pytest.mark.parametrize("entry", ["apps/v7", "nonsense", "api/gamma=true", "apps/v1=yes"])
def test_nonsense_is_refused(entry: str) -> None:
    with pytest.raises(RuntimeConfigError):
        parse([entry], KNOWN)
