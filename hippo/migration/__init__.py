"""Moving over from other systems: what they extracted becomes documents and triples for an index of hippo."""

from hippo.migration.convert import Converted, convert

__all__ = ["Converted", "convert"]
