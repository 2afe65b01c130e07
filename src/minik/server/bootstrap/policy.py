"""The RBAC roles and bindings every cluster starts with.

Upstream's bootstrappolicy; the ClusterRoles' rules are in cluster_roles.txt beside this module.
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from minik.api.scheme import Resource
from minik.api.types import Obj

_API_VERSION = "rbac.authorization.k8s.io/v1"
_GROUP = "rbac.authorization.k8s.io"
_CONTROLLER = "system:controller:"
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS = {"rbac.authorization.kubernetes.io/autoupdate": "true"}

# name -> the label of the role that takes it in (admin takes in edit, edit takes in view)
_AGGREGATED = {"admin": "", "edit": "admin", "view": "edit"}

_MASTERS, _MONITORING = ("Group", "system:masters"), ("Group", "system:monitoring")
_AUTHENTICATED, _UNAUTHENTICATED = ("Group", "system:authenticated"), ("Group", "system:unauthenticated")
_MANAGER, _SCHEDULER = ("User", "system:kube-controller-manager"), ("User", "system:kube-scheduler")
_PROXY = ("User", "system:kube-proxy")

_Subject = tuple[str, str]
"""(kind, name); a ServiceAccount is in kube-system."""

_CLUSTER_BINDINGS: dict[str, Sequence[_Subject]] = {
    "cluster-admin": (_MASTERS,),
    "system:monitoring": (_MONITORING,),
    "system:discovery": (_AUTHENTICATED,),
    "system:basic-user": (_AUTHENTICATED,),
    "system:public-info-viewer": (_AUTHENTICATED, _UNAUTHENTICATED),
    "system:node-proxier": (_PROXY,),
    "system:kube-controller-manager": (_MANAGER,),
    "system:kube-dns": (("ServiceAccount", "kube-dns"),),
    "system:kube-scheduler": (_SCHEDULER,),
    "system:volume-scheduler": (_SCHEDULER,),
    "system:service-account-issuer-discovery": (("Group", "system:serviceaccounts"),),
    "system:node": (),
}

_EVENTS = "create,patch,update core,events.k8s.io events"
_LEADER = (
    "create,get,list,update,watch coordination.k8s.io leases",
    "create,get,list,update,watch coordination.k8s.io leasecandidates",
)
# (namespace, name, rules, subjects of the binding, name of the binding if it is not the role's)
_ROLES: Sequence[tuple[str, str, Sequence[str], Sequence[_Subject], str]] = (
    (
        "kube-public",
        "system:controller:bootstrap-signer",
        ("get,list,watch core configmaps", "update core configmaps cluster-info", _EVENTS),
        (("ServiceAccount", "bootstrap-signer"),),
        "",
    ),
    (
        "kube-system",
        "extension-apiserver-authentication-reader",
        ("get,list,watch core configmaps extension-apiserver-authentication",),
        (_MANAGER, _SCHEDULER),
        "system::extension-apiserver-authentication-reader",
    ),
    (
        "kube-system",
        "system::leader-locking-kube-controller-manager",
        _LEADER,
        (
            _MANAGER,
            ("ServiceAccount", "kube-controller-manager"),
            ("ServiceAccount", "leader-election-controller"),
        ),
        "",
    ),
    (
        "kube-system",
        "system::leader-locking-kube-scheduler",
        _LEADER,
        (_SCHEDULER, ("ServiceAccount", "kube-scheduler")),
        "",
    ),
    (
        "kube-system",
        "system:controller:bootstrap-signer",
        ("get,list,watch core secrets",),
        (("ServiceAccount", "bootstrap-signer"),),
        "",
    ),
    (
        "kube-system",
        "system:controller:cloud-provider",
        ("create,get,list,watch core configmaps",),
        (("ServiceAccount", "cloud-provider"),),
        "",
    ),
    (
        "kube-system",
        "system:controller:token-cleaner",
        ("delete,get,list,watch core secrets", _EVENTS),
        (("ServiceAccount", "token-cleaner"),),
        "",
    ),
)


# resource that is only served when asked for -> ClusterRole -> the rules that come with it
_OF_SERVED: dict[str, dict[str, Sequence[str]]] = {
    "devicetaintrules": {
        "system:kube-scheduler": ("get,list,watch resource.k8s.io devicetaintrules",),
        "system:controller:device-taint-eviction-controller": (
            "get,list,watch resource.k8s.io devicetaintrules",
            "patch,update resource.k8s.io devicetaintrules/status",
        ),
    },
    "clustertrustbundles": {
        "system:node": ("get,list,watch certificates.k8s.io clustertrustbundles",),
        "system:controller:kube-apiserver-serving-clustertrustbundle-publisher": (
            "attest certificates.k8s.io signers kubernetes.io/kube-apiserver-serving",
            "create,delete,list,update,watch certificates.k8s.io clustertrustbundles",
            _EVENTS,
        ),
    },
}


@cache
def cluster_role_rules() -> dict[str, list[Obj]]:
    """Name -> rules, of every ClusterRole that is not put together from others."""
    rules: dict[str, list[Obj]] = {}
    name = ""
    for line in files(__package__).joinpath("cluster_roles.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if line[0] != " ":
            name = line
            rules[name] = []
        else:
            rules[name].append(_rule(line))
    return rules


def served_rules(scheme: Iterable[Resource]) -> dict[str, list[Obj]]:
    """Name -> rules, of the ClusterRoles that have more because of resources that are not served by default."""
    rules: dict[str, list[Obj]] = {}
    for plural in {resource.plural for resource in scheme} & _OF_SERVED.keys():
        for name, lines in _OF_SERVED[plural].items():
            rules.setdefault(name, []).extend(_rule(line) for line in lines)
    return rules


def rbac_objects(served: Mapping[str, Sequence[Obj]] = MappingProxyType({})) -> Iterator[Obj]:
    """All default ClusterRoles, ClusterRoleBindings, Roles and RoleBindings, without what a write adds.

    `served`: what `served_rules` says.
    """
    for name, takes_part_in in _AGGREGATED.items():
        role = _named("ClusterRole", name)
        if takes_part_in:
            role["metadata"]["labels"][_AGGREGATE + takes_part_in] = "true"
        role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {_AGGREGATE + name: "true"}}]}
        yield role
    always = cluster_role_rules()
    for name in [*always, *sorted(served.keys() - always.keys())]:
        role = _named("ClusterRole", name)
        if name.startswith("system:aggregate-to-"):
            role["metadata"]["labels"][_AGGREGATE + name.removeprefix("system:aggregate-to-")] = "true"
        role["rules"] = [*always.get(name, ()), *served.get(name, ())]
        yield role
        if name.startswith(_CONTROLLER):
            yield _binding("ClusterRole", name, (("ServiceAccount", name.removeprefix(_CONTROLLER)),))
    for name, subjects in _CLUSTER_BINDINGS.items():
        yield _binding("ClusterRole", name, subjects)
    for namespace, name, lines, subjects, binding_name in _ROLES:
        yield {**_named("Role", name, namespace), "rules": [_rule(line) for line in lines]}
        yield _binding("Role", name, subjects, namespace, binding_name)


def _rule(line: str) -> Obj:
    verbs, first, *rest = line.split()
    if not rest:
        return {"verbs": verbs.split(","), "nonResourceURLs": first.split(",")}
    groups = ["" if group == "core" else group for group in first.split(",")]
    rule: Obj = {"verbs": verbs.split(","), "apiGroups": groups, "resources": rest[0].split(",")}
    if len(rest) > 1:
        rule["resourceNames"] = rest[1].split(",")
    return rule


def _binding(role_kind: str, role: str, subjects: Sequence[_Subject], namespace: str = "", name: str = "") -> Obj:
    obj = _named(f"{role_kind}Binding", name or role, namespace)
    if subjects:
        obj["subjects"] = [_subject(kind, subject) for kind, subject in subjects]
    obj["roleRef"] = {"apiGroup": _GROUP, "kind": role_kind, "name": role}
    return obj


def _subject(kind: str, name: str) -> Obj:
    if kind == "ServiceAccount":
        return {"kind": kind, "name": name, "namespace": "kube-system"}
    return {"kind": kind, "apiGroup": _GROUP, "name": name}


def _named(kind: str, name: str, namespace: str = "") -> Obj:
    metadata: Obj = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = dict(_LABELS)
    metadata["annotations"] = dict(_ANNOTATIONS)
    return {"kind": kind, "apiVersion": _API_VERSION, "metadata": metadata}
