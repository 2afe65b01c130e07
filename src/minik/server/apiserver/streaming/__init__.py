"""Exec, attach, port-forward and logs: connections that the API server hands through to a kubelet."""
