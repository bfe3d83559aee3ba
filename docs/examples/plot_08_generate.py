"""
New rows from a variational autoencoder
=======================================

A :class:`~sklearn_ae.VAE` with two latent variables, fitted to the handwritten digits:
images that it draws, the plane of all images that it can draw, and the way from one
image to another.
"""

# sphinx_gallery_thumbnail_number = 2
# %%
# Codes come from a standard normal distribution, so that new rows can be drawn.

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import VAE
from sklearn_ae.displays import CodeDisplay, GenerationDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
vae = VAE(n_components=2, max_iter=40, random_state=0).fit(X_train)

print("Mean log-likelihood of held-out images, in nats")
print(f"VAE                {vae.log_likelihood(X_test, n_samples=200).mean():.1f}")
print(f"probabilistic PCA  {PCA(2).fit(X_train).score(X_test):.1f}")

# %%
# Forty samples. Some are clear digits, others lie between two of them: with two latent
# variables all digits touch each other. ``vae.sample(40)`` gives the same as an array.

GenerationDisplay.from_estimator(vae, kind="samples", image_shape=(8, 8))

# %%
# All that two latent variables can draw: the decoded codes on a grid that is evenly
# spaced in probability. 0 is at the bottom, 1 at the top, 2 and 3 on the left, 4 and 6
# on the right.

GenerationDisplay.from_estimator(vae, kind="manifold", n_columns=14, image_shape=(8, 8))

# %%
# The same plane with the codes of the held-out images, coloured by digit.

name = "VAE: codes of held-out images"
CodeDisplay.from_estimator(vae, X_test, y_test, label="digit", name=name, s=16)

# %%
# From a 6 to a 0, from a 1 to a 4, and from a 2 to a 3, along straight lines between
# their codes. What lies between is on the plane above: the way from 1 to 4 leads over 7
# and 9.
#
# Do not use a VAE where only the reconstruction matters: the plain autoencoder is
# better at that. Two latent variables make pictures of the code; for sharper samples
# take more.

pairs = [(y_test == digit).argmax() for digit in (6, 0, 1, 4, 2, 3)]
GenerationDisplay.from_estimator(
    vae, X_test[pairs], kind="interpolation", image_shape=(8, 8)
)
