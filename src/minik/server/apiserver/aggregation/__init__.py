"""API aggregation: group versions that other API servers serve (APIService objects with a Service)."""
