"""
From PCA to an autoencoder in one word
======================================

Handwritten digits in two numbers each: once by ``PCA``, once by
:class:`~sklearn_ae.AutoencoderTransformer`. The two have the same verbs and the same
``n_components``, so that only the name of the class changes.
"""

# %%
# The data are 1797 images of 8 x 8 pixels. A quarter of them is held out.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.displays import CodeDisplay, LossCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

pca = PCA(n_components=2).fit(X_train)
ae = AutoencoderTransformer(n_components=2, max_iter=40, random_state=0).fit(X_train)

# %%
# Reconstruction errors of the held-out images, as mean squared error per pixel (pixels
# go from 0 to 16).

for model in (pca, ae):
    rebuilt = model.inverse_transform(model.transform(X_test))
    error = ((rebuilt - X_test) ** 2).mean()
    print(f"{type(model).__name__:22} {error:5.1f}")

# %%
# Each point is a held-out image; its colour is the digit, which neither model has seen.
# In the plane of the autoencoder 0, 1, 2, 4 and 6 lie in arms of their own, where PCA
# mixes 1, 2, 7 and 8. Near the centre 5, 7 and 8 still overlap: two numbers are few.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
for ax, model in zip(axes, (pca, ae), strict=True):
    CodeDisplay.from_estimator(model, X_test, y_test, ax=ax, s=14)
    ax.get_legend().remove()
handles, names = axes[0].get_legend_handles_labels()
figure.legend(handles, names, title="digit", loc="outside right", markerscale=2)
figure.suptitle("Held-out digits in two codes")

# %%
# Training starts at PCA, whose error is the dashed line. The state of the best epoch on
# validation rows, which ``fit`` sets aside from its own rows, is the one that is kept.
# If no epoch is reliably better than PCA, the fitted model is PCA, and a warning says
# so.

LossCurveDisplay.from_estimator(ae)
print("better than PCA:", ae.beats_pca_, "- best epoch:", ae.best_iter_)

# %%
# PCA takes milliseconds where this takes seconds. If its error is good enough, keep it.
