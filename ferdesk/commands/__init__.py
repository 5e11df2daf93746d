"""The commands of `ferdesk`, a module a subject; `ferdesk.cli` puts them together."""
