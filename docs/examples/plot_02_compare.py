"""
Compare with PCA on your data
=============================

One call fits PCA and autoencoders at several code sizes, and evaluates them on held-out
rows: by their errors, and, where there are labels, by a linear classifier on their
codes.
"""

# %%
# Two estimators, two sizes, two folds; PCA is always added. Few epochs keep this
# example short: with its defaults each estimator trains longer, and gets better.

from sklearn.datasets import load_digits

from sklearn_ae import AutoencoderTransformer, DenoisingAE, compare

X, y = load_digits(return_X_y=True)
result = compare(
    X / 16,
    y,
    [AutoencoderTransformer(max_iter=12), DenoisingAE(max_iter=12)],
    n_components=[2, 8],
    cv=2,
    random_state=0,
    name="Digits",
    image_shape=(8, 8),
)
for sentence in result.sentences():
    print(sentence)

# %%
# Error and accuracy against the size of the code. Both autoencoders have lower errors
# than PCA; the gain in accuracy is large with 2 codes and small with 8.

result.plot()

# %%
# Codes of two components. ``result.plot_reconstructions()`` draws held-out images
# beside what is left of them.

result.plot_codes()

# %%
# In a notebook the result shows itself as a table; ``result.frame`` has the figures of
# each fold, and ``result.save("folder")`` writes table, pictures and a report.

result
