"""`python -m ferdesk`."""

from ferdesk.cli import main

main()
