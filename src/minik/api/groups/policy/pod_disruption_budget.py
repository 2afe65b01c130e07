"""PodDisruptionBudget (policy/v1)."""

from minik.api.scheme import Resource, Strategy, Subresource

RESOURCES = (
    Resource(
        group="policy",
        version="v1",
        kind="PodDisruptionBudget",
        plural="poddisruptionbudgets",
        singular="poddisruptionbudget",
        type_name="io.k8s.api.policy.v1.PodDisruptionBudget",
        short_names=("pdb",),
        strategy=Strategy(has_generation=True),
        subresources=(Subresource(name="status", kind="PodDisruptionBudget"),),
        storage_version_hash="EVWiDmWqyJw=",
    ),
)
