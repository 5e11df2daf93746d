"""Recorded sessions in other programs' formats, and sessions from other programs' tables."""
