"""The scheduler's plugins: one rule of scheduling a file."""
