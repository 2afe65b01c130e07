"""Rooms of the autoscaling group."""
