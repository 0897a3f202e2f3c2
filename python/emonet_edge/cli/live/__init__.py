"""The command `live`: cameras, microphones and recordings to a stream of outcomes."""
