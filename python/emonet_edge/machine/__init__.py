"""What this computer has, and what this process may use of it."""
