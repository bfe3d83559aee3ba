"""
Few labels
==========

Many rows and few labels: :class:`~sklearn_ae.PretrainedClassifier` learns codes from
all rows, and classes from those that have labels. Rows without one are marked by -1.
"""

# %%
# Two thirds of the digits are for training. The number of labels goes from 20 to 200,
# as many for each digit; the rest of the training rows have none.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sklearn_ae import DenoisingAE, PretrainedClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)


def keep_labels(n_labels, seed):
    """Return training labels of which all but some are -1."""
    rows = np.arange(len(y_train))
    kept, _ = train_test_split(
        rows, train_size=n_labels, stratify=y_train, random_state=seed
    )
    return np.where(np.isin(rows, kept), y_train, -1)


# %%
# PCA and the autoencoder are fitted once, to all training rows; neither needs a label.
# The autoencoder goes into each ``PretrainedClassifier`` as it is. With
# ``consistency_weight=1`` unlabelled rows take part in the second step, too:
# predictions shall be certain, and not change at a small step.

pca = PCA(32).fit(X_train / 16)
ae = DenoisingAE(32, max_iter=15, random_state=0).fit(X_train)
sizes, n_draws = [20, 50, 100, 200], 2
accuracy = {"pixels": [], "PCA": [], "PretrainedClassifier": []}

for n_labels in sizes:
    for seed in range(n_draws):
        few = keep_labels(n_labels, seed)
        rows, labels = X_train[few != -1] / 16, few[few != -1]
        on_pixels = LogisticRegression(C=10, max_iter=1000).fit(rows, labels)
        on_codes = LogisticRegression(C=10, max_iter=1000)
        on_codes.fit(pca.transform(rows), labels)
        ours = PretrainedClassifier(
            ae,
            consistency_weight=1.0,
            learning_rate=6e-3,
            batch_size=64,
            max_iter=5,
            random_state=seed,
        ).fit(X_train, few)
        codes = pca.transform(X_test / 16)
        accuracy["pixels"].append(on_pixels.score(X_test / 16, y_test))
        accuracy["PCA"].append(on_codes.score(codes, y_test))
        accuracy["PretrainedClassifier"].append(ours.score(X_test, y_test))

# %%
# Accuracy on held-out rows: small points are draws of the labels, lines their means.
# PCA's components, though they are computed from all rows, give what the pixels give.
# With 20 labels, two per digit, pretraining adds most; with 200 the three are close. Do
# not use it where all rows are labelled, or where classes overlap: the consistency term
# assumes that there are gaps between them.

figure, ax = plt.subplots(layout="constrained")
looks = [("#D55E00", "D:"), ("#7F7F7F", "o--"), ("#0072B2", "s-")]
print("labels               ", *(f"{size:5}" for size in sizes))
for (name, values), (color, look) in zip(accuracy.items(), looks, strict=True):
    values = np.reshape(values, (len(sizes), n_draws))
    means = values.mean(axis=1)
    print(f"{name:21}", *(f"{mean:.3f}" for mean in means))
    ours = name == "PretrainedClassifier"
    label = name if ours else f"logistic regression on {name}"
    ax.plot(sizes, means, look, color=color, label=label)
    ax.plot(sizes, values, look[0], color=color, alpha=0.4, markersize=4)
ax.set(title="Digits with few labels", xlabel="Labelled rows, of 1198")
ax.set(xscale="log", ylabel="Held-out accuracy")
ax.set_xticks([], minor=True)
ax.set_xticks(sizes, sizes)
ax.legend()
