"""Configuration of the documentation."""

import os
import sys
import warnings
from pathlib import Path

import sklearn_ae

sys.path.insert(0, str(Path(__file__).parent / "variants"))
os.environ.setdefault("MPLBACKEND", "Agg")

project = "sklearn-ae"
author = "The sklearn-ae developers"
version = release = sklearn_ae.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "examples", "gallery/*.py.md5"]

# The public names are those of the package, whatever file they are defined in.
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "sklearn-ae"
html_css_files = ["style.css"]
html_static_path = ["_static"]
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "show_prev_next": False,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {
    page: []
    for page in ("index", "from_pca", "glossary", "libraries", "migration", "api")
}
html_show_sourcelink = False
html_copy_source = False
copyright = author

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_ae",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "image_scrapers": ("matplotlib",),
    "capture_repr": ("_repr_html_",),  # what a figure prints says nothing
    "remove_config_comments": True,
}

# A warning of ours in an example is a mistake of the example.
for kind in (getattr(sklearn_ae, name) for name in sklearn_ae.exceptions.__all__):
    if issubclass(kind, Warning):
        warnings.filterwarnings("error", category=kind)
