"""A frame's way through a stream: found, tracked, chosen, scored, smoothed."""
