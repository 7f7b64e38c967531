"""Language models by name, one file a provider."""
