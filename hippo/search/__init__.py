"""Search indexes: what finds the facts and passages that a question touches."""
