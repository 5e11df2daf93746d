"""Neutral faces in the window: recording them, and choosing whose is used."""
