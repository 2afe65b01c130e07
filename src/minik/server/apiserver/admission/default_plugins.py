"""The admission plugins of a default kube-apiserver v1.36 plus NodeRestriction, in upstream's order."""

from minik.api.scheme import Scheme
from minik.server.apiserver.admission.certificates import (
    CertificateApproval,
    CertificateRequester,
    CertificateSigning,
    CertificateSubjectRestriction,
    ClusterTrustBundleAttest,
    PodCertificateSigning,
)
from minik.server.apiserver.admission.default_class import DefaultIngressClass, DefaultStorageClass
from minik.server.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from minik.server.apiserver.admission.device_admin_access import DeviceAdminAccess
from minik.server.apiserver.admission.limit_ranger import LimitRanger
from minik.server.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from minik.server.apiserver.admission.node_restriction import NodeRestriction
from minik.server.apiserver.admission.param_permissions import ParamPermissions
from minik.server.apiserver.admission.persistent_volume_claim_resize import PersistentVolumeClaimResize
from minik.server.apiserver.admission.plugin import Plugin
from minik.server.apiserver.admission.pod_security import PodSecurity
from minik.server.apiserver.admission.pod_topology_labels import PodTopologyLabels
from minik.server.apiserver.admission.priority import Priority
from minik.server.apiserver.admission.rbac_escalation import RbacEscalation
from minik.server.apiserver.admission.resource_quota import ResourceQuotaAdmission, WriteStatus
from minik.server.apiserver.admission.runtime_class import RuntimeClassAdmission
from minik.server.apiserver.admission.service_account import ServiceAccountAdmission
from minik.server.apiserver.admission.storage_object_in_use_protection import StorageObjectInUseProtection
from minik.server.apiserver.admission.taint_nodes_by_condition import TaintNodesByCondition
from minik.server.apiserver.attributes import Authorize
from minik.server.apiserver.authz.escalation import EscalationGuard
from minik.server.apiserver.objects import Reader


def before_webhooks(objects: Reader, scheme: Scheme, authorize: Authorize) -> list[Plugin]:
    """Everything upstream runs before admission policies and webhooks, and what it checks with validation."""
    return [
        ParamPermissions(objects, scheme, authorize),
        DeviceAdminAccess(objects),
        NamespaceLifecycle(objects),
        LimitRanger(objects),
        ServiceAccountAdmission(objects),
        NodeRestriction(objects, authorize),
        TaintNodesByCondition(),
        PodSecurity(objects),
        Priority(objects),
        DefaultTolerationSeconds(),
        DefaultStorageClass(objects),
        StorageObjectInUseProtection(),
        PersistentVolumeClaimResize(objects),
        RuntimeClassAdmission(objects),
        CertificateRequester(),
        CertificateApproval(authorize),
        CertificateSigning(authorize),
        PodCertificateSigning(authorize),
        ClusterTrustBundleAttest(authorize),
        CertificateSubjectRestriction(),
        DefaultIngressClass(objects),
        PodTopologyLabels(objects),
    ]


def after_webhooks(objects: Reader, guard: EscalationGuard, write_quota_status: WriteStatus) -> list[Plugin]:
    """Quotas come last, and granting rights is checked on what mutation made of the object."""
    return [ResourceQuotaAdmission(objects, write_quota_status), RbacEscalation(guard)]
