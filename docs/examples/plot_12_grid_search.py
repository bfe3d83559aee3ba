"""
PCA or an autoencoder? Let a search decide
==========================================

``PCA`` and :class:`~sklearn_ae.AutoencoderTransformer` share ``n_components``, so that
one grid can hold both, as two values of one step of a pipeline.
"""

# %%
# The step that reduces and its size are searched together. The score is the accuracy of
# the classifier at the end, on rows that none of the steps has seen.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

pipeline = Pipeline(
    [
        ("reduce", PCA()),
        ("scale", StandardScaler()),
        ("classify", LogisticRegression()),
    ]
)
sizes = [2, 4, 8, 16]
grid = {
    "reduce": [PCA(), AutoencoderTransformer(max_iter=12, random_state=0)],
    "reduce__n_components": sizes,
}
search = GridSearchCV(pipeline, grid, cv=2).fit(X_train, y_train)
print("best:", search.best_params_)
print(f"accuracy on held-out rows: {search.score(X_test, y_test):.3f}")

# %%
# Means over the folds; bars are standard deviations. With 2 or 4 numbers per image the
# codes of the autoencoder are worth much more to the classifier. With 16 the two are
# close, PCA is a little ahead, and the search takes it: in this range it costs less.
#
# Without a classifier at the end a search needs ``scoring=``: ``PCA.score`` is a
# log-likelihood, ours the share of the variance that is reconstructed.

results = search.cv_results_
names = [type(step).__name__ for step in results["param_reduce"]]

figure, ax = plt.subplots(layout="constrained")
for name, color, line in (
    ("PCA", "#7F7F7F", "o--"),
    ("AutoencoderTransformer", "#0072B2", "s-"),
):
    rows = [index for index, found in enumerate(names) if found == name]
    means = results["mean_test_score"][rows]
    spread = results["std_test_score"][rows]
    ax.errorbar(sizes, means, spread, fmt=line, color=color, label=name, capsize=3)
    print(f"{name:22}", means.round(3))
ax.set(title="Digits: accuracy of a pipeline", xlabel="Number of components")
ax.set(ylabel="Accuracy, mean of two folds", xscale="log")
ax.set_xticks(sizes, sizes)
ax.set_xticks([], minor=True)
ax.legend(loc="lower right")
