"""Benchmarks of emonet-edge beside what its users would use instead; see README.md."""
