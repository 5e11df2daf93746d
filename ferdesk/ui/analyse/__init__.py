"""The workspace that analyses many files."""
