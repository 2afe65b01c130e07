"""Rooms of the apps group."""
