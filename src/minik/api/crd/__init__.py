"""CustomResourceDefinitions and the objects they define, as data and pure functions.

resources.py turns a definition into Resources for the Scheme; schema_validation.py, list_types.py and rules.py hold
objects to their structural schema. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/
"""
