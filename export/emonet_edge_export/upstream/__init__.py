"""What is published, and how it is read without running any of it."""
