"""
Anomalies
=========

Rows that a model of the normal ones cannot rebuild are unusual: ``score_samples`` is
minus the reconstruction error of each row. Here it is compared with the reconstruction
error of PCA and with an isolation forest, on a data set where it is best and on one
where it is not.
"""

# %%
# One digit after the other is the odd one. Models are fitted to half of the images of
# the other nine, and have to tell the other half from the odd digit, which they have
# never seen. The area under the ROC curve is 0.5 for guessing and 1 for no mistake.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer, PCAFloorWarning

COLORS = {"PCA": "#7F7F7F", "Autoencoder": "#0072B2", "Isolation forest": "#D55E00"}


def compare_scores(normal, odd, scaler=None):
    """Return which test rows are normal, and their scores by each model."""
    train, test = train_test_split(normal, test_size=0.5, random_state=0)
    is_normal = np.repeat([True, False], [len(test), len(odd)])
    test = np.concatenate([test, odd])
    if scaler is not None:
        train, test = scaler.fit_transform(train), scaler.transform(test)
    pca = PCA(8).fit(train)
    rebuilt = pca.inverse_transform(pca.transform(test))
    ae = AutoencoderTransformer(8, max_iter=10, random_state=0).fit(train)
    forest = IsolationForest(random_state=0).fit(train)
    return is_normal, {
        "PCA": -np.mean((rebuilt - test) ** 2, axis=1),
        "Autoencoder": ae.score_samples(test),
        "Isolation forest": forest.score_samples(test),
    }


X, y = load_digits(return_X_y=True)
results = [compare_scores(X[y != odd], X[y == odd]) for odd in range(10)]
areas = {name: [roc_auc_score(t, s[name]) for t, s in results] for name in COLORS}
for name, values in areas.items():
    print(f"{name:16} mean {np.mean(values):.3f}  worst {min(values):.3f}")

# %%
# The autoencoder is best for each of the ten; a 1 is hardest to find. PCA has 8
# components as the autoencoder has; 4, 12, 16 and more give it lower areas.

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for (name, values), marker in zip(areas.items(), "osD", strict=True):
    ax.plot(range(10), values, marker, color=COLORS[name], label=name)
ax.set(xlabel="Odd digit", xticks=range(10), ylabel="Area under the ROC curve")
ax.set_title("How well each digit is found")
ax.axhline(0.5, color="#7F7F7F", linestyle=":", label="guessing")
ax.legend(ncols=2)

# %%
# The 3 in detail. Its errors are as large as PCA's, but normal digits have smaller
# ones.

truth, scores = results[3]
figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
for ax, name in zip(axes, ("PCA", "Autoencoder"), strict=False):
    errors = -scores[name]
    style = {"bins": np.linspace(0, errors.max(), 40), "density": True, "alpha": 0.6}
    ax.hist(errors[truth], color="#0072B2", label="normal", **style)
    ax.hist(errors[~truth], color="#D55E00", label="3", **style)
    ax.set(title=name, xlabel="Reconstruction error", ylabel="Density")
    ax.legend()
for name, values in scores.items():
    rates = roc_curve(truth, values)[:2]
    axes[2].plot(*rates, color=COLORS[name], label=f"{name} {areas[name][3]:.2f}")
axes[2].set(title="ROC curves", xlabel="3 taken for normal", ylabel="Normal found")
axes[2].legend()

# %%
# On 30 measurements of cells, benign ones being normal, there are 178 training rows.
# That is too few: the autoencoder falls back to PCA and says so by a warning, and the
# forest is better than both.

cells, benign = load_breast_cancer(return_X_y=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", PCAFloorWarning)
    both = cells[benign == 1], cells[benign == 0]
    truth, scores = compare_scores(*both, StandardScaler())
for name, values in scores.items():
    print(f"{name:16} {roc_auc_score(truth, values):.3f}")
