"""Data sets, one file each, and the protocols that turn their labels into targets."""
