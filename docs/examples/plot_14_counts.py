"""
Counts
======

Counts whose rates lie on a curve, as of molecules in cells that develop, or of visits
over a day. A :class:`~sklearn_ae.VAE` with ``likelihood="poisson"`` recovers the rates,
and with them the curve; PCA, for which all noise is alike, is beside it.
"""

# %%
# Sixty features rise and fall one after the other while a hidden time goes from 0 to 1.
# Rows are also seen with different depth: all rates of a row are multiplied by one
# number. Counts are drawn from these rates.

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import VAE

rng = np.random.RandomState(0)
time = rng.uniform(0, 1, (2000, 1))
depth = rng.lognormal(0, 0.6, (2000, 1))
peaks = np.linspace(-0.1, 1.1, 60)
rates = depth * (0.15 + 6 * np.exp(-0.5 * ((time - peaks) / 0.1) ** 2))
counts = rng.poisson(rates).astype(float)
train, test, _, truth, _, hidden = train_test_split(
    counts, rates, time[:, 0], random_state=0
)

# %%
# One latent variable; ``size_factor="sum"`` divides the depth out before rows are
# encoded. PCA has no such option, and gets each number of components up to 20. Errors
# are those against the true rates, which no model has seen.

vae = VAE(1, likelihood="poisson", size_factor="sum", max_iter=20, random_state=0)
ours = vae.fit(train).reconstruct(test)

pca = PCA().fit(train)
by_size = {}
for size in range(1, 21):
    kept = pca.components_[:size]
    by_size[size] = (test - pca.mean_) @ kept.T @ kept + pca.mean_
errors = {size: np.mean((rows - truth) ** 2) for size, rows in by_size.items()}
best = min(errors, key=errors.get)

print(f"counts as they are   {np.mean((test - truth) ** 2):.2f}")
print(f"PCA, 1 component     {errors[1]:.2f}")
print(f"PCA, {best} components    {errors[best]:.2f}  (its best)")
print(f"VAE, 1 variable      {np.mean((ours - truth) ** 2):.2f}")

# %%
# Held-out rows in the order of their hidden time. PCA leaves streaks and spots of noise
# beside the band; the VAE has the band alone, and its brightness, the depth, row by
# row.

order = hidden.argsort()
pictures = {
    "counts": test,
    "true rates": truth,
    f"PCA, {best} components": by_size[best],
    "VAE, 1 variable": ours,
}
figure, axes = plt.subplots(1, 4, figsize=(12, 4), layout="constrained", sharey=True)
for ax, (name, rows) in zip(axes, pictures.items(), strict=True):
    image = ax.imshow(rows[order], aspect="auto", vmin=0, vmax=12, cmap="viridis")
    ax.set(title=name, xlabel="Feature")
axes[0].set_ylabel("Row, by hidden time")
figure.colorbar(image, ax=axes, label="Count or rate", extend="both")
figure.suptitle("Rates recovered from counts")

# %%
# The latent variable against the hidden time, and PCA's first component, here of rows
# that are divided by their sums. The variable orders the rows; the component turns back
# at both ends, where other components would have to help.
#
# Do not take a likelihood of counts for values that are no counts, such as logarithms
# or averages.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
shares = [rows / rows.sum(axis=1, keepdims=True) for rows in (train, test)]
component = PCA(1).fit(shares[0]).transform(shares[1])[:, 0]
codes = {"PCA": component, "VAE": vae.transform(test)[:, 0]}
for ax, (name, code) in zip(axes, codes.items(), strict=True):
    color = "#7F7F7F" if name == "PCA" else "#0072B2"
    ax.scatter(hidden, code, s=8, alpha=0.6, color=color)
    correlation = abs(spearmanr(hidden, code)[0])
    ax.set(title=f"{name}: rank correlation {correlation:.3f}", xlabel="Hidden time")
    ax.set_ylabel("First component" if name == "PCA" else "Latent variable")
figure.suptitle("What the first number of the code knows of the time")
