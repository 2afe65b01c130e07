"""Workload (scheduling.k8s.io/v1alpha2): the groups of Pods that one application is made of."""

from minik.api.groups.creation_time_columns import COLUMNS, cells
from minik.api.groups.scheduling.scheduling_group_validation import validate_workload, validate_workload_update
from minik.api.scheme import Resource, Strategy

RESOURCES = (
    Resource(
        group="scheduling.k8s.io",
        version="v1alpha2",
        kind="Workload",
        plural="workloads",
        singular="workload",
        type_name="io.k8s.api.scheduling.v1alpha2.Workload",
        strategy=Strategy(validate=validate_workload, validate_update=validate_workload_update),
        columns=COLUMNS,
        cells=cells,
        storage_version_hash="vSX7gJe5Mx8=",
    ),
)
