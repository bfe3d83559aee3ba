"""
Which code size?
================

With ``nested=True`` one fit serves all code sizes: the first k numbers of the code are
themselves a good code of k numbers, as they are in PCA. So what they are worth can be
drawn against the size before one is chosen.
"""

# %%
# One fit with 16 codes, on three quarters of the digits.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer, code_size_curve
from sklearn_ae.displays import ActivityDisplay, CodeSizeDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
nested = AutoencoderTransformer(16, nested=True, max_iter=15, random_state=0)
nested.fit(X_train)

# %%
# Left: the share of the variance of held-out rows that is rebuilt at each size. PCA's
# line is that of a PCA fitted to these very rows, the best that a linear code can do
# there. Eight of our codes rebuild as much as 12 of PCA's. Right: what each code adds
# to that share, the ``explained_variance_ratio_`` that PCA has, too. It need not fall
# from unit to unit: the second code adds more here than the first.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
CodeSizeDisplay.from_estimator(nested, X_test, ax=axes[0])
ActivityDisplay.from_estimator(nested, ax=axes[1])

shares = nested.explained_variance_ratio_.cumsum()
print("share of the variance with 2, 4, 8, 16 codes:", shares[[1, 3, 7, 15]].round(2))

# %%
# ``truncate`` keeps the first codes, at no cost. The whole code is a little worse than
# one that is trained for its own size alone: where the size is known, leave ``nested``
# out.

print(nested.truncate(4).transform(X_test).shape)

# %%
# If a classifier follows, its accuracy decides. ``code_size_curve`` fits the networks
# once per fold, and the classifier for each size; PCA is done in the same way. Two or
# four of our codes are better for it than PCA's. From 8 on they are not, and PCA would
# do.

model = make_pipeline(nested, StandardScaler(), LogisticRegression())
curve = code_size_curve(model, X, y, n_components=[2, 4, 8, 16], cv=2)
title = "Digits: logistic regression on the codes"
curve.plot().ax_.set(title=title, ylim=(0.5, 1))
print("best:", curve.best_n_components)
print("smallest within a standard error of it:", curve.smallest_n_components)
