"""What a memory makes of what it holds: gists, joined facts, contradictions. No language model is needed for it."""
