"""The trainer: data sets, nets, recipes and the way from a run to a bundle that the app loads."""
