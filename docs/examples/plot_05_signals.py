"""
Signals
=======

Heartbeats of varying time, width and height. A beat that comes a little later is a new
direction for PCA, while it is only another value of one number for
:class:`~sklearn_ae.ConvAutoencoderTransformer`.
"""

# %%
# Each row has one beat: a small wave, a high peak between two dips, and a broad wave.
# Its time, its duration and the heights of peak and last wave vary, so that four
# numbers describe a row, but for noise.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from sklearn_ae import ConvAutoencoderTransformer
from sklearn_ae.displays import CodeDisplay, ReconstructionDisplay

rng = np.random.RandomState(0)
n_rows, length = 2000, 96
start = rng.uniform(0.35, 0.55, (n_rows, 1))
duration = rng.uniform(0.8, 1.2, (n_rows, 1))
height = rng.uniform(0.7, 1.3, (n_rows, 1))
last = rng.uniform(0.1, 0.5, (n_rows, 1))
time = (np.linspace(0, 1, length) - start) / duration


def wave(centre, width):
    """Return a wave of height 1 in each row."""
    return np.exp(-0.5 * ((time - centre) / width) ** 2)


peak = wave(0, 0.015) - 0.25 * wave(-0.04, 0.015) - 0.35 * wave(0.04, 0.015)
clean = 0.2 * wave(-0.17, 0.03) + height * peak + last * wave(0.25, 0.05)
X = (clean + rng.normal(0, 0.03, clean.shape))[..., None]
train, test, truth = X[:1500], X[1500:], clean[1500:]

# %%
# Rows go in with their axes, (rows, length, channels). Errors are those against the
# beats without noise, for held-out rows.

conv = ConvAutoencoderTransformer(4, max_iter=14, random_state=0).fit(train)
ours = conv.reconstruct(test)[..., 0]
error = np.mean((ours - truth) ** 2)

pca = PCA().fit(train[..., 0])
sizes = np.arange(1, 33)
errors, of_four = [], None
for size in sizes:
    kept = pca.components_[:size]
    rebuilt = (test[..., 0] - pca.mean_) @ kept.T @ kept + pca.mean_
    of_four = rebuilt if size == 4 else of_four
    errors.append(np.mean((rebuilt - truth) ** 2))
print(f"4 numbers: PCA {errors[3]:.5f}, convolutional {error:.5f}")
print(f"PCA's best: {min(errors):.5f} with {sizes[np.argmin(errors)]} components")

# %%
# Three held-out rows, each rebuilt from four numbers. PCA's peaks are too low, with
# dips and waves where there are none.

ReconstructionDisplay.from_predictions(
    test[:3, :, 0],
    {"convolutional, 4 codes": ours[:3], "PCA, 4 components": of_four[:3]},
    kind="lines",
)

# %%
# PCA needs about 22 components to come near to four codes. With more it rebuilds the
# noise, too.

figure, ax = plt.subplots(layout="constrained")
ax.semilogy(sizes, errors, "o-", color="#7F7F7F", markersize=4, label="PCA")
ax.axhline(error, color="#0072B2", label="convolutional, 4 codes")
ax.axhline(0.03**2, color="#D55E00", linestyle=":", label="noise left as it is")
ax.set(title="Error against beats without noise", xlabel="Components of PCA")
ax.set_ylabel("Mean squared error per value")
ax.legend()

# %%
# The four codes in pairs, coloured by the time of the beat, which the network was not
# told: neighbours in the code are neighbours in time. The first two wind around in a
# ring.
#
# Where rows are well aligned, so that a value always means the same, PCA has no such
# problem; look at its error first.

CodeDisplay.from_estimator(
    conv, test, start[1500:, 0], projection="pairs", label="time of the beat"
)
