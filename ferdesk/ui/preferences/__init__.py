"""The settings dialog, made from the table in `ferdesk.preferences`."""
