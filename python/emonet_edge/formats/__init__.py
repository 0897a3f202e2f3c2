"""Hand-written readers of files that nobody vouches for."""
