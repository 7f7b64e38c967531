"""The knowledge graph as a sparse matrix, and what is computed on it."""
