"""
Cleaning noisy rows
===================

:class:`~sklearn_ae.DenoisingAE` learns to rebuild clean rows from noisy ones. PCA
removes noise too: it drops the components that hold little else. How many to keep is
chosen here in PCA's favour, by the error on the test images themselves.
"""

# sphinx_gallery_thumbnail_number = 2
# %%
# Normal noise is added to the digits, as strong as the images themselves: its variance
# is the mean variance of a pixel. The autoencoder is trained with noise of that level.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import DenoisingAE
from sklearn_ae.displays import CorruptionDisplay

X, _ = load_digits(return_X_y=True)
train, test = train_test_split(X, random_state=0)
sigma = np.sqrt(train.var(axis=0).mean())
noisy = test + np.random.RandomState(0).normal(0, sigma, test.shape)

ae = DenoisingAE(32, corruption_level=1.0, max_iter=30, random_state=0).fit(train)
error_of_ae = np.mean((ae.denoise(noisy) - test) ** 2)

# %%
# PCA with each number of components, fitted to the same clean rows.

pca = PCA().fit(train)
sizes = np.arange(1, 65)
errors = []
for size in sizes:
    kept = pca.components_[:size]
    cleaned = (noisy - pca.mean_) @ kept.T @ kept + pca.mean_
    errors.append(np.mean((cleaned - test) ** 2))
best = sizes[np.argmin(errors)]

noise = np.mean((noisy - test) ** 2)
print(f"noise        {noise:.2f}")
print(f"PCA, best    {min(errors):.2f}  ({best} components)")
print(f"DenoisingAE  {error_of_ae:.2f}")

# %%
# PCA drops too much of the image on the left of its curve and keeps too much of the
# noise on the right. The autoencoder has about half the error of PCA at its best, with
# 32 codes, half of the features as is the default.

figure, ax = plt.subplots(layout="constrained")
ax.plot(sizes, errors, color="#7F7F7F", label="PCA")
ax.plot(best, min(errors), "o", color="#7F7F7F", label=f"PCA, best: {best}")
ax.axhline(error_of_ae, color="#0072B2", label="DenoisingAE, 32 codes")
ax.axhline(noise, color="#D55E00", linestyle=":", label="noise left as it is")
ax.set(
    title="Cleaned test images against the clean ones",
    xlabel="Components of PCA",
    ylabel="Mean squared error per pixel",
    ylim=(0, None),
)
ax.legend()

# %%
# Twelve test images, the same with noise, and what the autoencoder makes of them. The
# ground is black again, and most digits can be read; those that noise has hit hardest
# stay blurred.

CorruptionDisplay.from_estimator(ae, test[:12], noisy[:12], image_shape=(8, 8))

# %%
# The same picture with PCA at its best number of components: the ground is grey where
# it should be black, and strokes run into each other.
#
# Do not use ``DenoisingAE`` where clean rows must be rebuilt as closely as possible;
# the plain autoencoder is better at that.

best_pca = PCA(best).fit(train)
CorruptionDisplay.from_estimator(best_pca, test[:12], noisy[:12], image_shape=(8, 8))
