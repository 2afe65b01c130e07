"""Dynamic resource allocation: which devices a claim gets. Loaded when the first Pod with claims appears.

https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""
