"""The published heads to one packed file, and what they need to know of the embeddings."""
