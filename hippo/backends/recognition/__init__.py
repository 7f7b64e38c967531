"""Fact filters that run a model of their own."""
