"""How far the result is from what was published, and who vouches for it."""
