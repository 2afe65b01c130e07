"""Encryption at rest. https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"""
