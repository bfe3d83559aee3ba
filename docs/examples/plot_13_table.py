"""
A table with names
==================

A DataFrame whose columns have different units and depend on each other: which of them
can be rebuilt from three numbers, and which cannot?
"""

# %%
# Measurements of 2000 tins, in cm, cm², cm³, g and days. Radius, height and density are
# independent, the next five columns follow from them, and the age has nothing to do
# with any. All are measured with an error of one percent.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.displays import ReconstructionDisplay

rng = np.random.RandomState(0)
radius, height = rng.uniform(2, 8, 2000), rng.uniform(4, 20, 2000)
density = rng.uniform(0.4, 1.6, 2000)
tins = pd.DataFrame(
    {
        "radius": radius,
        "height": height,
        "density": density,
        "lid": np.pi * radius**2,
        "label": 2 * np.pi * radius * height,
        "volume": np.pi * radius**2 * height,
        "mass": np.pi * radius**2 * height * density,
        "slenderness": height / radius,
        "age": rng.uniform(0, 365, 2000),
    }
)
tins *= rng.normal(1, 0.01, tins.shape)
train, test = train_test_split(tins, random_state=0)

# %%
# With ``scaling="per_feature"`` columns count alike, whatever their units; for PCA a
# ``StandardScaler`` does the same. ``set_output`` gives codes as a DataFrame with the
# index of the rows.

ae = AutoencoderTransformer(
    3, scaling="per_feature", max_iter=30, random_state=0
).set_output(transform="pandas")
pca = make_pipeline(StandardScaler(), PCA(3)).fit(train)
ae.fit_transform(train).head().round(2)

# %%
# Errors of held-out rows, relative to the standard deviation of the column. The age is
# the hardest for both, as no other column tells of it, and PCA leaves it out. The
# autoencoder needs two codes for all that follows from radius and height, and the third
# has to serve both density and age: the density is the one column where PCA is better.

rebuilt = {
    "PCA": pca.inverse_transform(pca.transform(test)),
    "AutoencoderTransformer": ae.reconstruct(test),
}
ReconstructionDisplay.from_predictions(test, rebuilt)
for name, rows in rebuilt.items():
    error = np.sqrt(np.mean((rows - test) ** 2, axis=0)) / test.std()
    print(
        f"{name:22} mean {error.mean():.2f}, worst {error.max():.2f} ({error.idxmax()})"
    )

# %%
# One column that is a quotient of two others. A linear model rebuilds it badly where it
# is large, and below zero where it is small.

column = tins.columns.get_loc("slenderness")
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharey=True)
for ax, color, (name, rows) in zip(
    axes, ("#7F7F7F", "#0072B2"), rebuilt.items(), strict=True
):
    ax.scatter(test["slenderness"], rows[:, column], s=8, color=color, alpha=0.6)
    ax.axline((1, 1), slope=1, color="#D55E00", linestyle=":", label="perfect")
    ax.set(title=name, xlabel="Slenderness", ylabel="Rebuilt slenderness")
    ax.legend()
figure.suptitle("Held-out tins")

# %%
# With fewer than some hundred rows, as many tables have, the autoencoder mostly falls
# back to PCA, and says so by a warning.
