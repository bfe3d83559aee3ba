"""Torch modules, and the parts of a recipe that build them.

Nothing here knows an estimator or skorch. Of the rest of the library only the classes
of warnings and the checks of values are used.
"""
