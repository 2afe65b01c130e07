"""ServiceAccount (v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ServiceAccount",
        plural="serviceaccounts",
        singular="serviceaccount",
        type_name="io.k8s.api.core.v1.ServiceAccount",
        short_names=("sa",),
        subresources=(
            Subresource(
                name="token",
                kind="TokenRequest",
                kind_group="authentication.k8s.io",
                kind_version="v1",
                verbs=("create",),
            ),
        ),
        storage_version_hash="pbx9ZvyFpBE=",
    ),
)
