"""How one Recipe becomes one Model. Nothing here knows an estimator.

``fit.py`` is the place to start reading.
"""
