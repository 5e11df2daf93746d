"""ferdesk: live facial expression recognition that stays on the user's machine."""

__version__ = "0.1.0"
