"""Which handler serves which subresource.

Streams (log, exec, attach, portforward, proxy) are registered the same way by whoever can reach the kubelets.
"""

from minik.server.apiserver.registry.dispatch import Dispatcher
from minik.server.apiserver.subresources import binding, eviction, same_object, scale

_SAME_OBJECT = ("status", "approval", "finalize", "resize", "ephemeralcontainers")


def install(dispatcher: Dispatcher) -> None:
    for name in _SAME_OBJECT:
        dispatcher.add_subresource(name, same_object.serve)
    dispatcher.add_subresource("scale", scale.handler())
    dispatcher.add_subresource("binding", binding.bind_pod, plural="pods")
    dispatcher.add_subresource("eviction", eviction.evict, plural="pods")
    dispatcher.add_virtual("", "bindings", binding.create_binding)
