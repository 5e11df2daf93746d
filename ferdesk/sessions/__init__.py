"""Recordings: a folder with a video and a database, written so that a killed app loses little."""
