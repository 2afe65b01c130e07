"""A real cluster for end-to-end tests and benchmarks, in a network namespace and a directory of its own."""
