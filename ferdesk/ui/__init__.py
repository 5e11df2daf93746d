"""The desktop window. `qt_libs` can be imported where Qt cannot."""
