"""
Images
======

:class:`~sklearn_ae.ConvAutoencoderTransformer` is an autoencoder of convolutions.
Images go in with their axes, and reconstructions come back with the same axes. PCA sees
the same images as flat rows; both have eight numbers per image.
"""

# %%
# A quarter of the digits is held out. Pixels go from 0 to 16.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import ConvAutoencoderTransformer
from sklearn_ae.displays import FilterDisplay, ReconstructionDisplay

digits = load_digits()
train, test, _, digit = train_test_split(digits.images, digits.target, random_state=0)

conv = ConvAutoencoderTransformer(n_components=8, max_iter=15, random_state=0)
codes = conv.fit(train).transform(test)
print("images", test.shape, "codes", codes.shape)

pca = PCA(n_components=8).fit(train.reshape(-1, 64))
flat = pca.inverse_transform(pca.transform(test.reshape(-1, 64)))

rebuilt = {"PCA": flat.reshape(test.shape), "Convolutional": conv.reconstruct(test)}
for name, images in rebuilt.items():
    print(f"{name:14} error per pixel {np.mean((images - test) ** 2):.2f}")

# %%
# One held-out image of each digit, and what is left of it. Errors are drawn on one
# colour scale, so that a paler picture is a better one. The 2, 3, 4, 6 and 9 are
# clearer than PCA's; the 8 of this row is a blur with both.

first = [int(np.argmax(digit == number)) for number in range(10)]
display = ReconstructionDisplay(
    test[first], {name: images[first] for name, images in rebuilt.items()}, errors=True
).plot()

# %%
# What each number of the code draws: how the picture changes if this number grows by
# one standard deviation and the others stay at their means. Brown pixels get brighter,
# purple ones darker.

FilterDisplay.from_estimator(conv, train)

# %%
# Flat rows are accepted too, so that the estimator fits into any pipeline; it then
# takes 64 values for an image of 8 x 8, or the shape that ``image_shape`` gives. Do not
# use it for tables whose columns have no order.

print(conv.summary())
