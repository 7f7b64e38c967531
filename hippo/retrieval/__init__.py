"""Retrieval: from a question to ranked passages with their evidence."""
