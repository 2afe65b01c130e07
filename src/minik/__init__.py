"""minik: a complete Kubernetes in one Python program."""

__version__ = "0.1.0"
KUBERNETES_VERSION = "v1.36.0"
