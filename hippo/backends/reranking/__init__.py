"""Re-rankers that run a model of their own."""
