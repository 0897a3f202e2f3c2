"""Model directories with seeded random weights in the true architecture; their scores mean nothing."""
