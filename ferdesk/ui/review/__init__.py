"""The workspace in which recorded sessions are looked at, annotated and exported."""
