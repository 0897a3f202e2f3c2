"""The commands `bench` and `bench compare`."""
