"""The column Selector of workloads and budgets: a LabelSelector object in the words of a query."""

from minik.api import selectors
from minik.api.types import Obj


def selector_cell(selector: Obj | None) -> str:
    """As apimachinery's FormatLabelSelector: `<none>` for a selector that selects everything or nothing."""
    try:
        return str(selectors.of_object(selector)) or "<none>"
    except ValueError:
        return "<error>"
