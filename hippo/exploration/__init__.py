"""Looking around in an index: entities by name, what is next to them, ways between them, passages in their place."""
