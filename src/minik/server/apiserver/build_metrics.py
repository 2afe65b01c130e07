"""kubernetes_build_info and kubernetes_feature_enabled: which Kubernetes this is, and what of it is on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minik.server.apiserver.handlers.version import version_info

if TYPE_CHECKING:
    from prometheus_client.core import Metric

# kube-apiserver's gates of v1.36 that clients and operators can see the effect of here: stage by name
_FEATURES = {
    "AnonymousAuthConfigurableEndpoints": "",
    "AuthorizeNodeWithSelectors": "",
    "AuthorizeWithSelectors": "",
    "ConstrainedImpersonation": "BETA",
    "ConsistentListFromCache": "",
    "DynamicResourceAllocation": "",
    "KMSv2": "",
    "ListFromCacheSnapshot": "BETA",
    "MultiCIDRServiceAllocator": "",
    "MutatingAdmissionPolicy": "",
    "StructuredAuthenticationConfiguration": "",
    "StructuredAuthorizationConfiguration": "",
    "VolumeAttributesClass": "",
    "WatchList": "BETA",
}


def collect() -> Iterator["Metric"]:
    from prometheus_client.core import GaugeMetricFamily

    info = version_info()
    build = GaugeMetricFamily(
        "kubernetes_build_info",
        "A metric with a constant '1' value labeled by major, minor, git version and more of what was built.",
        labels=("major", "minor", "git_version", "git_commit", "build_date", "go_version", "compiler", "platform"),
    )
    fields = ("major", "minor", "gitVersion", "gitCommit", "buildDate", "goVersion", "compiler", "platform")
    build.add_metric([info[field] for field in fields], 1)
    features = GaugeMetricFamily(
        "kubernetes_feature_enabled", "Whether a k8s feature is enabled.", labels=("name", "stage")
    )
    for name, stage in _FEATURES.items():
        features.add_metric((name, stage), 1)
    yield build
    yield features
