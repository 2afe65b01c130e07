"""The controllers of the built-in provider: ServiceLB, and nodes that are their own instances.

Loaded when the first Service of type LoadBalancer or the first uninitialised node appears
(server/controllers/on_demand.py). Instances never vanish here, so node lifecycle and routes have nothing to do.
"""

from collections.abc import Sequence

from minik.client.controller import Controller
from minik.server.cloud.local_instances import LocalInstances
from minik.server.cloud.node_controller import CloudNodeController
from minik.server.cloud.node_lifecycle import CloudNodeLifecycleController
from minik.server.cloud.provider import Provider
from minik.server.cloud.route_controller import RouteController
from minik.server.cloud.service_controller import ServiceLoadBalancerController
from minik.server.cloud.service_lb import ServiceLb
from minik.server.cloud.service_lb_removal import ServiceLbRemoval
from minik.server.controllers.context import ControllerContext


def controllers(context: ControllerContext) -> Sequence[Controller]:
    disabled = "servicelb" in context.settings.disabled
    provider = Provider(
        name="minik",
        instances=LocalInstances(),
        instances_vanish=False,
        load_balancers=None if disabled else ServiceLb(context),
    )
    removal = [ServiceLbRemoval(context)] if disabled else []
    return [*controllers_of(provider, context), *removal]


def controllers_of(provider: Provider, context: ControllerContext) -> Sequence[Controller]:
    """Everything that a provider's parts call for."""
    found: list[Controller] = []
    if provider.instances is not None:
        found.append(CloudNodeController(context, provider.instances))
    if provider.instances is not None and provider.instances_vanish:
        found.append(CloudNodeLifecycleController(context, provider.instances))
    if provider.load_balancers is not None:
        found.append(ServiceLoadBalancerController(context, provider.load_balancers))
    if provider.routes is not None:
        found.append(RouteController(context, provider.routes))
    return found
