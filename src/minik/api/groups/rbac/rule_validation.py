"""Validation of roles, their rules and bindings.

Rules: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from minik.api import names
from minik.api.go_form import go_struct
from minik.api.label_selector_validation import validate_label_selector
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required

GROUP = "rbac.authorization.k8s.io"


def _validate_rule(rule: Obj, path: str, *, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    if not rule.get("verbs"):
        errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        at = f"{path}.nonResourceURLs"
        if namespaced:
            errors.append(invalid_value(at, urls, "namespaced rules cannot apply to non-resource URLs"))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid_value(at, urls, text))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return errors


def _validate_rules(role: Obj, *, namespaced: bool) -> list[FieldError]:
    return [
        error
        for index, rule in enumerate(role.get("rules") or ())
        for error in _validate_rule(rule, f"rules[{index}]", namespaced=namespaced)
    ]


def validate_role(role: Obj) -> list[FieldError]:
    return _validate_rules(role, namespaced=True)


def validate_cluster_role(role: Obj) -> list[FieldError]:
    errors = _validate_rules(role, namespaced=False)
    aggregation = role.get("aggregationRule")
    if aggregation is None:
        return errors
    at, chosen = "aggregationRule.clusterRoleSelectors", aggregation.get("clusterRoleSelectors") or ()
    if not chosen:
        text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        errors.append(required(at, text))
    for index, selector in enumerate(chosen):
        found = validate_label_selector(selector, f"{at}[{index}]")
        errors += found
        if found:
            errors.append(invalid_value(f"{at}[{index}]", selector, "invalid label selector."))
    return errors


def _validate_subject(subject: Obj, path: str, *, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    name, kind, group = subject.get("name", ""), subject.get("kind", ""), subject.get("apiGroup", "")
    if not name:
        errors.append(required(f"{path}.name"))
    if kind == "ServiceAccount":
        if name:
            errors += [invalid_value(f"{path}.name", name, text) for text in names.dns_subdomain(name)]
        if group:
            errors.append(not_supported(f"{path}.apiGroup", group, ("",)))
        if not namespaced and not subject.get("namespace"):
            errors.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != GROUP:
            errors.append(not_supported(f"{path}.apiGroup", group, (GROUP,)))
    else:
        errors.append(not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group")))
    return errors


def _validate_binding(binding: Obj, kinds: tuple[str, ...], *, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    role = binding.get("roleRef") or {}
    if role.get("apiGroup", "") != GROUP:
        errors.append(not_supported("roleRef.apiGroup", role.get("apiGroup", ""), (GROUP,)))
    if role.get("kind", "") not in kinds:
        errors.append(not_supported("roleRef.kind", role.get("kind", ""), kinds))
    if not role.get("name"):
        errors.append(required("roleRef.name"))
    else:
        errors += [invalid_value("roleRef.name", role["name"], text) for text in names.path_segment(role["name"])]
    for index, subject in enumerate(binding.get("subjects") or ()):
        errors += _validate_subject(subject, f"subjects[{index}]", namespaced=namespaced)
    return errors


def validate_role_binding(binding: Obj) -> list[FieldError]:
    return _validate_binding(binding, ("Role", "ClusterRole"), namespaced=True)


def validate_cluster_role_binding(binding: Obj) -> list[FieldError]:
    return _validate_binding(binding, ("ClusterRole",), namespaced=False)


def validate_same_role(new: Obj, old: Obj) -> list[FieldError]:
    """A binding never changes its role."""
    if new.get("roleRef") == old.get("roleRef"):
        return []
    shown = go_struct(new.get("roleRef") or {}, "io.k8s.api.rbac.v1.RoleRef")
    return [invalid_value("roleRef", shown, "cannot change roleRef")]
