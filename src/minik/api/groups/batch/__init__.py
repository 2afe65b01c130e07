"""Rooms of the batch group."""
