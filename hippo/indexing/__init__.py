"""Indexing: drives documents through every stage to a published snapshot."""
