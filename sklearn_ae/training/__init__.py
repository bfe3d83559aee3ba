"""Training on skorch: the only package that imports it."""
