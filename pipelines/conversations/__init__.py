"""How well turns of conversations are found: a benchmark made by a seed, or one of the published ones."""
