"""All rooms: one module per kind, one package per group.

`load()` builds the Scheme in the order discovery answers it: groups and versions by preference, resources by name.
"""

from collections.abc import Mapping
from importlib import import_module

from minik.api.groups.runtime_config import serves
from minik.api.scheme import Resource, Scheme

# Group -> versions, in upstream's order of preference (kube-apiserver's discovery group priorities).
GROUP_VERSIONS: dict[str, tuple[str, ...]] = {
    "": ("v1",),
    "apiregistration.k8s.io": ("v1",),
    "apps": ("v1",),
    "events.k8s.io": ("v1",),
    "authentication.k8s.io": ("v1",),
    "authorization.k8s.io": ("v1",),
    "autoscaling": ("v2", "v1"),
    "batch": ("v1",),
    "certificates.k8s.io": ("v1", "v1beta1", "v1alpha1"),
    "networking.k8s.io": ("v1", "v1beta1"),
    "policy": ("v1",),
    "rbac.authorization.k8s.io": ("v1",),
    "storage.k8s.io": ("v1", "v1beta1"),
    "admissionregistration.k8s.io": ("v1", "v1beta1", "v1alpha1"),
    "apiextensions.k8s.io": ("v1",),
    "scheduling.k8s.io": ("v1", "v1alpha2"),
    "coordination.k8s.io": ("v1", "v1beta1", "v1alpha2"),
    "node.k8s.io": ("v1",),
    "discovery.k8s.io": ("v1",),
    "resource.k8s.io": ("v1", "v1beta2", "v1beta1", "v1alpha3"),
    "flowcontrol.apiserver.k8s.io": ("v1",),
    "internal.apiserver.k8s.io": ("v1alpha1",),
    "storagemigration.k8s.io": ("v1beta1",),
}

_ROOMS: dict[str, tuple[str, ...]] = {
    "core": (
        "binding",
        "component_status",
        "config_map",
        "endpoints",
        "event",
        "limit_range",
        "namespace",
        "node",
        "persistent_volume",
        "persistent_volume_claim",
        "pod",
        "pod_template",
        "replication_controller",
        "resource_quota",
        "secret",
        "service",
        "service_account",
    ),
    "apiregistration": ("api_service",),
    "apps": ("controller_revision", "daemon_set", "deployment", "replica_set", "stateful_set"),
    "events": ("event",),
    "authentication": ("self_subject_review", "token_review"),
    "authorization": (
        "local_subject_access_review",
        "self_subject_access_review",
        "self_subject_rules_review",
        "subject_access_review",
    ),
    "autoscaling": ("horizontal_pod_autoscaler",),
    "batch": ("cron_job", "job"),
    "certificates": ("certificate_signing_request", "cluster_trust_bundle", "pod_certificate_request"),
    "networking": ("ingress", "ingress_class", "ip_address", "network_policy", "service_cidr"),
    "policy": ("pod_disruption_budget",),
    "rbac": ("cluster_role", "cluster_role_binding", "role", "role_binding"),
    "storage": (
        "csi_driver",
        "csi_node",
        "csi_storage_capacity",
        "storage_class",
        "volume_attachment",
        "volume_attributes_class",
    ),
    "admissionregistration": (
        "mutating_admission_policy",
        "mutating_admission_policy_binding",
        "mutating_webhook_configuration",
        "validating_admission_policy",
        "validating_admission_policy_binding",
        "validating_webhook_configuration",
    ),
    "apiextensions": ("custom_resource_definition",),
    "scheduling": ("pod_group", "priority_class", "workload"),
    "coordination": ("lease", "lease_candidate"),
    "node": ("runtime_class",),
    "discovery": ("endpoint_slice",),
    "resource": (
        "device_class",
        "device_taint_rule",
        "resource_claim",
        "resource_claim_template",
        "resource_pool_status_request",
        "resource_slice",
    ),
    "flowcontrol": ("flow_schema", "priority_level_configuration"),
    "apiserverinternal": ("storage_version",),
    "storagemigration": ("storage_version_migration",),
}


def load(runtime_config: Mapping[str, bool] | None = None) -> Scheme:
    """Import every room and register what it exports and `runtime_config` (its module says how) serves.

    None: everything that is known, whatever its maturity.
    """
    resources: list[Resource] = []
    for package, rooms in _ROOMS.items():
        for room in rooms:
            resources.extend(import_module(f"{__name__}.{package}.{room}").RESOURCES)
    if runtime_config is not None:
        resources = [r for r in resources if serves(runtime_config, r.group, r.version, r.plural)]
    rank = {(g, v): (i, n) for i, (g, vs) in enumerate(GROUP_VERSIONS.items()) for n, v in enumerate(vs)}
    resources.sort(key=lambda r: (rank[r.group, r.version], r.plural))
    return Scheme(resources)
