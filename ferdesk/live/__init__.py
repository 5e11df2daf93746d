"""Live reading without a window: the newest frame wins, lost devices come back."""
