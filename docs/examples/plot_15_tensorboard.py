"""
Watching a fit in TensorBoard
=============================

Losses of each epoch, reconstructions as they get better, and the code in TensorBoard's
embedding projector, with a small picture and a label for each row. Losses go through
skorch's own ``TensorBoard`` callback; pictures through the callbacks that scikit-learn
has since version 1.9, which are given a usable estimator at the end of each epoch.
"""

# %%
# A callback of scikit-learn's kind has four methods. This one writes reconstructions.
import io
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from skorch.callbacks import TensorBoard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from sklearn_ae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)


class ReconstructionImages:
    """Write originals over their reconstructions after each epoch."""

    def __init__(self, writer, rows):
        self.writer, self.rows = writer, rows

    def setup(self, estimator, context):
        """Nothing has to be prepared."""

    def teardown(self, estimator, context):
        """Nothing has to be closed."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing is written before an epoch."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Write one picture: a line of originals over a line of reconstructions."""
        if context.task_name == "epoch":
            rebuilt = fitted_estimator.reconstruct(self.rows)
            lines = [
                np.hstack(rows.reshape(-1, 8, 8)) / 16 for rows in (self.rows, rebuilt)
            ]
            picture = np.vstack(lines).clip(0, 1)
            name, step = "reconstructions", context.task_id + 1
            self.writer.add_image(name, picture, step, dataformats="HW")


# %%
# One writer serves all three.
folder = tempfile.mkdtemp()
writer = SummaryWriter(folder)
ae = AutoencoderTransformer(
    8,
    max_iter=15,
    callbacks=[TensorBoard(writer, close_after_train=False)],
    random_state=0,
)
ae.set_callbacks(ReconstructionImages(writer, X[:8]))
ae.fit(X)

sprites = 1 - torch.as_tensor(X[:500]).reshape(-1, 1, 8, 8).expand(-1, 3, -1, -1) / 16
writer.add_embedding(ae.transform(X[:500]), metadata=y[:500], label_img=sprites)
writer.close()

# %%
# ``tensorboard --logdir FOLDER`` shows all of it in the browser. Here the event file is
# read back instead.
events = EventAccumulator(folder).Reload()
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for tag, color in (("Loss/train_loss", "#0072B2"), ("Loss/valid_loss", "#D55E00")):
    points = events.Scalars(tag)
    epochs, values = zip(*[(p.step, p.value) for p in points], strict=True)
    axes[0].plot(epochs, values, "o-", color=color, label=tag)
axes[0].axhline(ae.pca_loss_, color="#7F7F7F", linestyle="--", label="PCA")
axes[0].set(title="Scalars", xlabel="Epoch", ylabel="Loss per row (scaled rows)")
axes[0].legend()
writes = events.Images("reconstructions")
axes[1].imshow(plt.imread(io.BytesIO(writes[-1].encoded_image_string)), cmap="gray")
axes[1].set(title=f"Image after epoch {writes[-1].step}", xticks=[], yticks=[])
axes[1].set_xlabel("originals over reconstructions")
plt.show()
