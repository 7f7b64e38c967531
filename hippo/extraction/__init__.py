"""Extraction: from chunks to facts, with rules, a trained spaCy pipeline or a language model."""
