"""A sound's way through a stream: heard, cut into utterances, scored."""
