"""Which names a definition gets, and the conditions that tell so.

Upstream: apiextensions-apiserver's naming, establishing and apiapproval controllers.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from minik.api.crd import definition as crd
from minik.api.types import Obj
from minik.api.webhook_client_validation import ca_bundle_complaint

APPROVED = "api-approved.kubernetes.io"
_APPROVAL_HELP = "https://github.com/kubernetes/enhancements/pull/1111"


def with_conditions(definition: Obj, others: Iterable[Obj], now: str) -> Obj:
    """The definition with acceptedNames and conditions as they should be. `others` are all other definitions."""
    group = definition["spec"]["group"]
    # its own names too: what is asked for now may be one that it has for something else
    taken = [crd.accepted_names(each) for each in (definition, *others) if each["spec"]["group"] == group]
    accepted, names_accepted = _accept(definition, taken)
    out = {**definition, "status": {**(definition.get("status") or {})}}
    crd.set_condition(out, names_accepted, now)
    if not crd.holds(definition, crd.ESTABLISHED):
        crd.set_condition(out, _established(definition, names_accepted["status"] == "True"), now)
    approval = _approval(definition)
    if approval is not None:
        crd.set_condition(out, approval, now)
    out["status"]["acceptedNames"] = accepted
    return out


def _accept(definition: Obj, taken: list[Obj]) -> tuple[Obj, Obj]:
    """The names the definition has from now on, and the condition NamesAccepted."""
    wanted, had = definition["spec"]["names"], crd.accepted_names(definition)
    resources = {name for names in taken for name in _resource_names(names)}
    kinds = {names.get(key, "") for names in taken for key in ("kind", "listKind")} - {""}
    accepted: dict[str, Any] = {}
    conflict: tuple[str, str] | None = None

    def take(key: str, used: set[str], reason: str) -> None:
        nonlocal conflict
        name = wanted.get(key, "")
        if name == had.get(key, "") or name not in used:
            accepted[key] = name
        else:
            accepted[key] = had.get(key, "")
            conflict = (reason, f'"{name}" is already in use')

    take("plural", resources, "PluralConflict")
    take("singular", resources, "SingularConflict")
    before = set(had.get("shortNames") or ())
    clashes = [f'"{name}" is already in use' for name in wanted.get("shortNames") or () if name in resources - before]
    accepted["shortNames"] = (had if clashes else wanted).get("shortNames")
    if clashes:
        conflict = ("ShortNamesConflict", clashes[0] if len(clashes) == 1 else f"[{', '.join(clashes)}]")
    take("kind", kinds, "KindConflict")
    take("listKind", kinds, "ListKindConflict")
    accepted["categories"] = wanted.get("categories")
    reason, message = conflict or ("NoConflicts", "no conflicts found")
    status = "False" if conflict else "True"
    condition = {"type": crd.NAMES_ACCEPTED, "status": status, "reason": reason, "message": message}
    order = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
    return {key: accepted[key] for key in order if accepted[key] or key in ("plural", "kind")}, condition


def _resource_names(names: Obj) -> list[str]:
    found = [names.get("plural", ""), names.get("singular", ""), *(names.get("shortNames") or ())]
    return [name for name in found if name]


def _established(definition: Obj, names_accepted: bool) -> Obj:
    webhook = (definition["spec"].get("conversion") or {}).get("webhook") or {}
    if names_accepted and ca_bundle_complaint((webhook.get("clientConfig") or {}).get("caBundle", "")):
        reason, message = "InvalidCABundle", "The conversion webhook CABundle is invalid"
        return {"type": crd.ESTABLISHED, "status": "False", "reason": reason, "message": message}
    if names_accepted:
        reason, message = "InitialNamesAccepted", "the initial names have been accepted"
        return {"type": crd.ESTABLISHED, "status": "True", "reason": reason, "message": message}
    return {
        "type": crd.ESTABLISHED,
        "status": "False",
        "reason": "NotAccepted",
        "message": "not all names are accepted",
    }


def is_protected(group: str) -> bool:
    """Whether a group belongs to the Kubernetes community."""
    return group in ("k8s.io", "kubernetes.io") or group.endswith((".k8s.io", ".kubernetes.io"))


def approval_of(definition: Obj) -> tuple[str, str]:
    """`status` of the approval (Approved, Unapproved, Missing, Invalid) and its text."""
    value = (definition["metadata"].get("annotations") or {}).get(APPROVED, "")
    if not value:
        return "Missing", f'protected groups must have approval annotation "{APPROVED}", see {_APPROVAL_HELP}'
    if value.startswith("unapproved"):
        return "Unapproved", f'not approved: "{value}"'
    try:
        url = urlsplit(value)
        valid = bool(url.netloc and url.scheme)
    except ValueError:
        valid = False
    if valid:
        return "Approved", f"approved in {value}"
    text = (
        f'protected groups must have approval annotation "{APPROVED}" with either a URL or a reason starting with '
        f'"unapproved", see {_APPROVAL_HELP}'
    )
    return "Invalid", text


def _approval(definition: Obj) -> Obj | None:
    if not is_protected(definition["spec"]["group"]):
        return None
    state, message = approval_of(definition)
    status = "True" if state == "Approved" else "False"
    return {"type": crd.CONFORMANT, "status": status, "reason": f"{state}Annotation", "message": message}
