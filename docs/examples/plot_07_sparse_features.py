"""
Parts of images
===============

Images that are sums of a few parts, and two ways to find the parts again: PCA, and
:class:`~sklearn_ae.SparseAE`, in which only a few units are active in each row. Here
the parts are known, so that one can see who has found them.
"""

# sphinx_gallery_thumbnail_number = 2
# %%
# The "bars" problem (P. Foldiak, 1990, *Forming sparse representations by local
# anti-Hebbian learning*): 16 bars, 8 that lie and 8 that stand. Each image is the sum
# of three of them, each with a strength of its own, and a little noise.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from sklearn_ae import SparseAE
from sklearn_ae.displays import ActivityDisplay, FilterDisplay

rng = np.random.RandomState(0)
bars = np.zeros((16, 8, 8))
for index in range(8):
    bars[index, index, :] = 1
    bars[8 + index, :, index] = 1
bars = bars.reshape(16, 64)

strength = np.zeros((2000, 16))
for row in strength:
    row[rng.choice(16, 3, replace=False)] = rng.uniform(0.5, 1.5, 3)
X = strength @ bars + rng.normal(0, 0.05, (2000, 64))

figure, axes = plt.subplots(1, 8, figsize=(9, 1.7), layout="constrained")
for ax, image in zip(axes, X, strict=False):
    ax.imshow(image.reshape(8, 8), cmap="gray", vmin=0, vmax=2)
    ax.set(xticks=[], yticks=[], xlabel="3 bars")
figure.suptitle("Eight of the images")

# %%
# How many parts there are is seldom known, so the code has 24 units, more than there
# are bars. Three of them are active per row. PCA has 16 components.
#
# Each component of PCA is a mixture of many bars. Most units draw one bar, and each bar
# has such a unit; two units draw a pair. The four that still look like components of
# PCA, where training starts, are dead, as the last picture shows: they are never
# active.

ae = SparseAE(24, n_nonzero_coefs=3, max_iter=60, random_state=0).fit(X)
pca = PCA(16).fit(X)

figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
FilterDisplay(pca.components_, image_shape=(8, 8), name="PCA: components").plot(axes[0])
FilterDisplay.from_estimator(ae, image_shape=(8, 8), ax=axes[1])

# %%
# The cosine between each bar and the unit that is most like it says the same in
# numbers; 1 is the bar itself.


def best_match(features):
    """Return for each bar the largest cosine with a feature."""
    features = features / np.linalg.norm(features, axis=1, keepdims=True)
    return np.abs(bars / np.sqrt(8) @ features.T).max(axis=1)


units = np.eye(24)
drawn = ae.inverse_transform(units) - ae.inverse_transform(0 * units)
for name, features in (("PCA", pca.components_), ("SparseAE", drawn)):
    match = best_match(features)
    print(f"{name:9} worst bar {match.min():.2f}  mean {match.mean():.2f}")

# %%
# A bar is in 3 of 16 images, a share of 0.19. Units that have a bar for themselves are
# near this; those that share one with another unit are active less often.
#
# With exactly 16 units one or two bars are missed with some seeds; some units to spare
# make it safer. Do not use ``SparseAE`` where a code must be short: which of its units
# are active differs from row to row.

ActivityDisplay.from_estimator(ae)
