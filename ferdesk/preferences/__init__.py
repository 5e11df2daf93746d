"""What the user prefers: one typed table, from which the dialog, the file and the command follow.

`model` has the table, `table` looks things up in it, `file` reads and writes what differs from the
defaults, `state` keeps how the window was left.
"""
