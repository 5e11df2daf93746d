"""A list of files that are analysed in processes of their own, while the list changes. No Qt."""
