"""Optional third-party providers behind the Protocols. Each knows only types, protocols and errors."""
