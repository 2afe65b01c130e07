"""CustomResourceDefinition (apiextensions.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy, Subresource

RESOURCES = (
    Resource(
        group="apiextensions.k8s.io",
        version="v1",
        kind="CustomResourceDefinition",
        plural="customresourcedefinitions",
        singular="customresourcedefinition",
        type_name="io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
        namespaced=False,
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        strategy=Strategy(has_generation=True),
        subresources=(Subresource(name="status", kind="CustomResourceDefinition"),),
        storage_version_hash="jfWCUB31mvA=",
    ),
)
