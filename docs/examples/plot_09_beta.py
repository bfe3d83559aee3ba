"""
What beta does
==============

A :class:`~sklearn_ae.VAE` weighs how well rows are rebuilt against how much its code
says: ``beta`` is the price of one nat of information in the code. At ``beta=1`` what it
maximises is a bound on the log-likelihood.
"""

# %%
# Three fits to three quarters of the digits, which differ in ``beta`` only. The
# log-likelihood is that of held-out images, in nats. PCA's is ``score_samples``: the
# likelihood of probabilistic PCA, where the fits start.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import VAE
from sklearn_ae.displays import ActivityDisplay, ReconstructionDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

betas = [0.2, 1, 5]
vaes = [VAE(16, beta=b, max_iter=15, random_state=0).fit(X_train) for b in betas]
pca = PCA(16).fit(X_train)

rebuilt = {"PCA": pca.inverse_transform(pca.transform(X_test))}
likelihood = {"PCA": pca.score_samples(X_test).mean()}
for vae in vaes:
    name = f"beta = {vae.beta}"
    rebuilt[name] = vae.reconstruct(X_test)
    likelihood[name] = vae.log_likelihood(X_test, n_samples=100).mean()
print("            log-likelihood   squared error per pixel")
for name, rows in rebuilt.items():
    error = ((rows - X_test) ** 2).mean()
    print(f"{name:12} {likelihood[name]:13.1f} {error:25.2f}")

# %%
# How much each latent variable says. The higher the price, the fewer variables are
# worth it; those that say nothing are the prior itself in every row.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained", sharey=True)
for ax, vae in zip(axes, vaes, strict=True):
    ActivityDisplay.from_estimator(vae, ax=ax)
    total = vae.kl_per_component_.sum()
    ax.set_title(f"beta = {vae.beta}: {total:.0f} nats in all")
figure.suptitle("Information in each latent variable")

# %%
# One held-out image of each digit. ``beta=0.2`` rebuilds hardly better than ``beta=1``,
# and the likelihood is best at 1. At 5 images lose their details, error and likelihood
# are worse than PCA's, and more than a third of the variables say next to nothing. Take
# another value than 1 if you want few or simple variables, not for a better likelihood.

first = [int((y_test == digit).argmax()) for digit in range(10)]
shown = {name: rows[first] for name, rows in rebuilt.items()}
ReconstructionDisplay(X_test[first], shown, image_shape=(8, 8)).plot()
