"""Auditing: who did what, when, from where. https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/"""
