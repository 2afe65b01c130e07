"""Rooms of the networking.k8s.io group."""
