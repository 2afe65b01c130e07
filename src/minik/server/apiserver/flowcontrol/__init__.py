"""API Priority and Fairness: which requests are served now, which wait, and which are turned away."""
