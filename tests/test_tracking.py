"""What trackers get is read back from what they write."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from skorch.callbacks import TensorBoard

from sklearn_ae import VAE, AutoencoderTransformer, PretrainedClassifier

pytest.importorskip("tensorboard")
X, y = load_digits(return_X_y=True)
X, y = X[:400], y[:400]


@pytest.fixture
def writer(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    writer = tensorboard.SummaryWriter(tmp_path)
    yield writer
    writer.close()


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
@pytest.mark.parametrize("cls", [AutoencoderTransformer, VAE])
def test_scalars_of_every_epoch(cls, writer, tmp_path):
    model = cls(4, max_iter=6, callbacks=[TensorBoard(writer)], random_state=0).fit(X)
    events = read(tmp_path)
    for tag, losses in (
        ("Loss/train_loss", model.loss_curve_),
        ("Loss/valid_loss", model.validation_loss_curve_),
    ):
        scalars = events.Scalars(tag)
        assert [scalar.step for scalar in scalars] == [1, 2, 3, 4, 5, 6]
        np.testing.assert_allclose([s.value for s in scalars], losses, rtol=1e-6)


def test_scalars_of_a_classifier(writer, tmp_path):
    ae = AutoencoderTransformer(8, max_iter=10, random_state=0)
    model = PretrainedClassifier(
        ae, max_iter=3, callbacks=[TensorBoard(writer)], random_state=0
    )
    model.fit(X, y)
    assert len(read(tmp_path).Scalars("Loss/train_loss")) == model.n_iter_


def test_embeddings_with_labels_and_sprites(writer, tmp_path):
    ae = AutoencoderTransformer(8, max_iter=10, random_state=0).fit(X)
    codes = ae.transform(X[:50])
    sprites = torch.as_tensor(X[:50] / 16).reshape(-1, 1, 8, 8).expand(-1, 3, -1, -1)
    writer.add_embedding(codes, metadata=y[:50], label_img=sprites, tag="digits")
    writer.close()
    (folder,) = Path(tmp_path).glob("*/digits")
    written = np.loadtxt(folder / "tensors.tsv", delimiter="\t")
    np.testing.assert_allclose(written, codes, rtol=1e-5, atol=1e-6)
    assert (folder / "metadata.tsv").read_text().split() == list(map(str, y[:50]))
    assert (folder / "sprite.png").stat().st_size > 0
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert "sprite.png" in config
    assert "metadata.tsv" in config
