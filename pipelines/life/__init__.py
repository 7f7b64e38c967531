"""The life of an index, measured: changes, readers beside a writer, memory of many readers."""
