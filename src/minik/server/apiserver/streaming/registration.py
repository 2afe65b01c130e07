"""Which handler serves which stream."""

from minik.server.apiserver.objects import Reader
from minik.server.apiserver.registry.dispatch import Dispatcher
from minik.server.apiserver.streaming.connect import Connect
from minik.server.apiserver.streaming.kubelets import Kubelets
from minik.server.apiserver.streaming.logs import Logs
from minik.server.apiserver.streaming.proxy import Proxy


def install(dispatcher: Dispatcher, objects: Reader, kubelets: Kubelets) -> None:
    connect, proxy = Connect(kubelets), Proxy(objects, kubelets)
    for name in ("exec", "attach", "portforward"):
        dispatcher.add_subresource(name, connect.serve, plural="pods")
    dispatcher.add_subresource("log", Logs(kubelets).serve, plural="pods")
    for plural in ("pods", "services", "nodes"):
        dispatcher.add_subresource("proxy", proxy.serve, plural=plural)
