"""The commands of `ferdesk-train`, one file each; `trainer.cli` puts them together."""
