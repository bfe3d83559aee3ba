"""Torch modules: architectures, the linear path, losses.

This package imports torch alone and knows nothing of scikit-learn or skorch.
"""
