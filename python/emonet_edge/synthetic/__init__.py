"""Model directories with seeded random weights in the true architecture: scores mean nothing."""
