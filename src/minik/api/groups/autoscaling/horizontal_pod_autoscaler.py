"""HorizontalPodAutoscaler (autoscaling/v2, autoscaling/v1)."""

from minik.api.scheme import Resource, Subresource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="autoscaling",
        version="v2",
        kind="HorizontalPodAutoscaler",
        plural="horizontalpodautoscalers",
        singular="horizontalpodautoscaler",
        type_name="io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
        short_names=("hpa",),
        categories=("all",),
        subresources=(Subresource(name="status", kind="HorizontalPodAutoscaler"),),
        storage_version_hash="qwQve8ut294=",
    ),
    Resource(
        group="autoscaling",
        version="v1",
        kind="HorizontalPodAutoscaler",
        plural="horizontalpodautoscalers",
        singular="horizontalpodautoscaler",
        type_name="io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
        short_names=("hpa",),
        categories=("all",),
        subresources=(Subresource(name="status", kind="HorizontalPodAutoscaler"),),
        storage=GVR("autoscaling", "v2", "horizontalpodautoscalers"),
        storage_version_hash="qwQve8ut294=",
    ),
)
