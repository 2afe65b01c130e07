"""The selectors of an access review: checked, and put into the text that queries have.

What cannot be understood is left out and told of, since narrowing a question less only makes it harder to allow.
Upstream: registry/authorization/util and apimachinery's FieldSelectorAsSelector.
"""

from minik.api import names
from minik.api.selectors import Requirement, of_object, parse_fields, parse_labels
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, required


def field_selector(selector: Obj) -> tuple[str, bool]:
    """(text, whether all of it was understood)."""
    if raw := selector.get("rawSelector"):
        try:
            return str(parse_fields(raw)), True
        except StatusError:
            return "", False
    terms: list[str] = []
    complete = True
    for item in selector.get("requirements") or ():
        values, operator = item.get("values") or [], item.get("operator")
        if operator not in ("In", "NotIn") or len(values) != 1:
            complete = False
            continue
        value = values[0].replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
        terms.append(f"{item.get('key', '')}{'=' if operator == 'In' else '!='}{value}")
    return ",".join(terms), complete


def label_selector(selector: Obj) -> tuple[str, bool]:
    """(text, whether all of it was understood)."""
    if raw := selector.get("rawSelector"):
        try:
            return str(parse_labels(raw)), True
        except StatusError:
            return "", False
    understood: list[Requirement] = []
    complete = True
    for item in selector.get("requirements") or ():
        expression = {"key": item.get("key", ""), "operator": item.get("operator", ""), "values": item.get("values")}
        try:
            understood += of_object({"matchExpressions": [expression]}).requirements
        except ValueError:
            complete = False
    return ",".join(map(str, understood)), complete


def evaluation_error(about: Obj | None) -> str:
    """What a review's status says of selectors that were not, or not wholly, understood."""
    problems = []
    for field, read in (("fieldSelector", field_selector), ("labelSelector", label_selector)):
        text, complete = read((about or {}).get(field) or {})
        if not complete:
            partially = "partially " if text else ""
            problems.append(f"spec.resourceAttributes.{field} {partially}ignored due to parse error")
    return problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]" if problems else ""


def validate_selector(selector: Obj, field: str, *, labels: bool) -> list[FieldError]:
    """Of one selector; `field` is its path."""
    raw, requirements = selector.get("rawSelector", ""), selector.get("requirements") or ()
    errors: list[FieldError] = []
    if raw and requirements:
        errors.append(invalid_value(f"{field}.rawSelector", raw, "may not specified at the same time as requirements"))
    if not raw and not requirements:
        text = f"when {field} is specified, requirements or rawSelector is required"
        errors.append(required(f"{field}.requirements", text))
    for at, requirement in enumerate(requirements):
        errors += _requirement(requirement, f"{field}.requirements[{at}]", labels)
    return errors


def _requirement(requirement: Obj, field: str, labels: bool) -> list[FieldError]:
    """Unknown operators are let through; they may be those of a newer server."""
    key, operator, values = requirement.get("key", ""), requirement.get("operator"), requirement.get("values") or ()
    errors: list[FieldError] = []
    if not labels and not key:
        errors.append(required(f"{field}.key", "must be specified"))
    if operator in ("In", "NotIn") and not values:
        errors.append(required(f"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    if operator in ("Exists", "DoesNotExist") and values:
        text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        errors.append(forbidden(f"{field}.values", text))
    if labels:
        errors += [invalid_value(f"{field}.key", key, problem) for problem in names.qualified_name(key)]
        for at, value in enumerate(values):
            errors += [invalid_value(f"{field}.values[{at}]", value, problem) for problem in names.label_value(value)]
    return errors
