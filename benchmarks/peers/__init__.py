"""What else does the same work: other libraries, called as their users call them."""
