"""What is needed to look at a recorded session: its columns, its events, its annotations."""
