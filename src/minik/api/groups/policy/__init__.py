"""Rooms of the policy group."""
