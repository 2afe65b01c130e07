"""The objects every cluster has from its first second on, and keeping them as they should be."""
