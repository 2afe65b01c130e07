"""Rooms of the storagemigration.k8s.io group."""
