"""Where results go: tables, annotated videos and pictures."""
