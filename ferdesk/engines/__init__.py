"""What runs a net: one interface, a file an engine."""
