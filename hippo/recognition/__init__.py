"""Recognition memory by a language model: which facts does a question really call up?"""
