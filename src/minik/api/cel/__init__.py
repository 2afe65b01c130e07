"""CEL, the Common Expression Language, with the types and functions Kubernetes adds to it.

The engine is Google's own in C++ (cel-expr-python); nothing here is imported before the first expression has to be
compiled. https://kubernetes.io/docs/reference/using-api/cel/
"""
