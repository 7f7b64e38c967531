"""Engines for personalized PageRank: `power`, `push`, `igraph`, and `auto`, which chooses between the first two."""
