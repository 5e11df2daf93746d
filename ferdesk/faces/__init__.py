"""Finding faces, following them, and the models that it takes."""
