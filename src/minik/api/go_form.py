"""Values as Go prints them where upstream's messages quote its internal types.

Internal types have no JSON tags: fields carry their Go names, and absent ones are written as null, "" or 0. `shape`
order is Go's. Messages only; nothing is stored or answered in this form.
"""

import difflib
from collections.abc import Sequence
from typing import Any

import orjson

from minik.api.schema import types
from minik.api.schema.types import Field, Shape
from minik.api.types import Obj

_CORE = "io.k8s.api.core.v1."
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_GO_NAMES = {
    "apiVersion": "APIVersion",
    "apiGroup": "APIGroup",
    "uid": "UID",
    "ip": "IP",
    "os": "OS",
    "tty": "TTY",
    "nfs": "NFS",
    "iscsi": "ISCSI",
    "rbd": "RBD",
    "fc": "FC",
    "csi": "CSI",
    "gcePersistentDisk": "GCEPersistentDisk",
    "awsElasticBlockStore": "AWSElasticBlockStore",
    "cephfs": "CephFS",
    "storageos": "StorageOS",
    "dnsPolicy": "DNSPolicy",
    "dnsConfig": "DNSConfig",
    "httpGet": "HTTPGet",
    "httpHeaders": "HTTPHeaders",
    "tcpSocket": "TCPSocket",
    "grpc": "GRPC",
    "seLinuxOptions": "SELinuxOptions",
    "seLinuxChangePolicy": "SELinuxChangePolicy",
    "fsGroup": "FSGroup",
    "fsGroupChangePolicy": "FSGroupChangePolicy",
    "fsType": "FSType",
    "postStart": "PostStart",
    "gmsaCredentialSpecName": "GMSACredentialSpecName",
    "gmsaCredentialSpec": "GMSACredentialSpec",
    "pdName": "PDName",
    "volumeID": "VolumeID",
    "targetWWNs": "TargetWWNs",
    "wwids": "WWIDs",
    "iqn": "IQN",
    "cidrs": "CIDRs",
}
# Fields whose internal name is another one altogether: (type, field) -> Go name.
_RENAMED = {
    (_CORE + "GlusterfsPersistentVolumeSource", "endpoints"): "EndpointsName",
    (_CORE + "RBDPersistentVolumeSource", "monitors"): "CephMonitors",
    (_CORE + "RBDPersistentVolumeSource", "image"): "RBDImage",
    (_CORE + "RBDPersistentVolumeSource", "pool"): "RBDPool",
    (_CORE + "RBDPersistentVolumeSource", "user"): "RadosUser",
    (_CORE + "ISCSIPersistentVolumeSource", "iscsiInterface"): "ISCSIInterface",
    (_CORE + "ISCSIPersistentVolumeSource", "chapAuthDiscovery"): "DiscoveryCHAPAuth",
    (_CORE + "ISCSIPersistentVolumeSource", "chapAuthSession"): "SessionCHAPAuth",
    (_CORE + "AzureDiskVolumeSource", "diskURI"): "DataDiskURI",
    (_CORE + "ScaleIOPersistentVolumeSource", "sslEnabled"): "SSLEnabled",
}
# Parts of a pod's spec that the internal type keeps in its security context.
_MOVED = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")
_POD_SPEC_ORDER = (
    "volumes",
    "initContainers",
    "containers",
    "ephemeralContainers",
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "activeDeadlineSeconds",
    "dnsPolicy",
    "nodeSelector",
    "serviceAccountName",
    "automountServiceAccountToken",
    "nodeName",
    "securityContext",
    "imagePullSecrets",
    "hostname",
    "subdomain",
    "setHostnameAsFQDN",
    "affinity",
    "schedulerName",
    "tolerations",
    "hostAliases",
    "priorityClassName",
    "priority",
    "preemptionPolicy",
    "dnsConfig",
    "readinessGates",
    "runtimeClassName",
    "overhead",
    "enableServiceLinks",
    "topologySpreadConstraints",
    "os",
    "schedulingGates",
    "resourceClaims",
    "resources",
    "hostnameOverride",
    "schedulingGroup",
)
# Fields that the internal type has elsewhere: (type, field) -> the field it stands before.
_BEFORE = {(_CORE + "PodSecurityContext", "fsGroupChangePolicy"): "sysctls"}
_ZERO = {"string": "", "quantity": "0", "int32": 0, "int64": 0, "double": 0, "bool": False, "intstr": 0}


def _go_name(name: str) -> str:
    return _GO_NAMES.get(name) or name[:1].upper() + name[1:]


def _absent(field: Field) -> Any:
    if field.pointer or field.type not in _ZERO:
        if field.type == "object" and field.always and field.shape is not None:
            return _struct({}, field.shape)
        return None
    return _ZERO[field.type]


def _value(value: Any, field: Field) -> Any:
    if value is None:
        return _absent(field)
    if field.shape is not None and isinstance(value, dict):
        return _struct(value, field.shape)
    if field.item is not None and isinstance(value, list):
        return [_value(each, field.item) for each in value] or None
    if field.item is not None and isinstance(value, dict):
        return {key: _value(value[key], field.item) for key in sorted(value)} or None
    return value


def _struct(obj: Obj, shape: Shape) -> Obj:
    if shape.name.startswith(_META):
        return obj  # meta/v1 types have tags inside internal types too
    if shape.name == _CORE + "PodSpec":
        return _pod_spec(obj, shape)
    return {
        _RENAMED.get((shape.name, name)) or _go_name(name): _value(obj.get(name), shape.fields[name])
        for name in _order(shape)
    }


def _order(shape: Shape) -> list[str]:
    order = list(shape.fields)
    for (owner, name), other in _BEFORE.items():
        if owner == shape.name:
            order.remove(name)
            order.insert(order.index(other), name)
    return order


def _pod_spec(spec: Obj, shape: Shape) -> Obj:
    out: Obj = {}
    for name in _POD_SPEC_ORDER:
        field = shape.fields[name]
        out[_go_name(name)] = _value(spec.get(name), field)
        if name == "securityContext" and out["SecurityContext"] is not None:
            moved = {_go_name(each): _value(spec.get(each), shape.fields[each]) for each in _MOVED}
            out["SecurityContext"] = {**moved, **out["SecurityContext"]}
    return out


def go_value(obj: Obj, type_name: str) -> Obj:
    """An object of a core/v1 type (`PodSpec`, `Taint`) in its internal Go form."""
    return _struct(obj, types.get(_CORE + type_name))


def go_struct(obj: Obj, type_name: str) -> Obj:
    """An object of any type, by its OpenAPI name, in its internal Go form."""
    return _struct(obj, types.get(type_name))


def go_diff(old: Obj, new: Obj, type_name: str, part: Sequence[str] = ()) -> str:
    """The unified diff between two objects that upstream adds to `may not change` messages.

    `part`: only these fields, in this order, for a struct that the type embeds.
    """
    return _difference(*(_part(go_value(each, type_name), part) for each in (old, new)))


def go_list_diff(old: Sequence[Obj], new: Sequence[Obj], type_name: str) -> str:
    """The same between lists of objects of any type, by its OpenAPI name."""
    return _difference(*([go_struct(each, type_name) for each in every] for every in (old, new)))


def _difference(old: Any, new: Any) -> str:
    return "".join(list(difflib.unified_diff(_lines(old), _lines(new), n=3))[2:])  # without the names of the files


def _part(value: Obj, part: Sequence[str]) -> Obj:
    return {_go_name(name): value[_go_name(name)] for name in part} if part else value


def _lines(value: Any) -> list[str]:
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    lines = []
    for line in text.split("\n"):
        stripped = line.lstrip(" ")
        lines.append(" " * ((len(line) - len(stripped)) // 2) + stripped + "\n")
    return lines
