"""Rooms of the core group."""
