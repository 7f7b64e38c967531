"""Runnable jobs: each one page of composition over the public API."""
