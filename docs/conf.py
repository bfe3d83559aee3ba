"""Configuration of the documentation."""

import sklearn_ae

project = "sklearn-ae"
author = "The sklearn-ae developers"
version = release = sklearn_ae.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
html_theme = "alabaster"
html_theme_options = {"description": "Autoencoders that stand where PCA stood"}
exclude_patterns = ["_build"]
