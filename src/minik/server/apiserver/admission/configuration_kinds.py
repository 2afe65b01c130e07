"""The kinds that configure admission."""

from minik.api.types import GVR

_GROUP = "admissionregistration.k8s.io"
MUTATING_POLICIES = GVR(_GROUP, "v1", "mutatingadmissionpolicies")
MUTATING_BINDINGS = GVR(_GROUP, "v1", "mutatingadmissionpolicybindings")
MUTATING_WEBHOOKS = GVR(_GROUP, "v1", "mutatingwebhookconfigurations")
VALIDATING_POLICIES = GVR(_GROUP, "v1", "validatingadmissionpolicies")
VALIDATING_BINDINGS = GVR(_GROUP, "v1", "validatingadmissionpolicybindings")
VALIDATING_WEBHOOKS = GVR(_GROUP, "v1", "validatingwebhookconfigurations")
