import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from skorch.callbacks import Callback

from sklearn_ae import (
    AutoencoderTransformer,
    ConvAutoencoderTransformer,
    DenoisingAE,
    OutOfMemoryWarning,
    PretrainedClassifier,
)
from sklearn_ae.training.memory import in_parts, is_out_of_memory

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_ae.CodeCollapseWarning"),
]

X, Y = (part[:300] for part in load_digits(return_X_y=True))


class TooSmall(torch.nn.Module):
    """Stands for a device whose memory holds so many rows."""

    def __init__(self, n_rows, error=torch.cuda.OutOfMemoryError):
        super().__init__()
        self.n_rows = n_rows
        self.error = error

    def forward(self, rows):
        if len(rows) > self.n_rows:
            raise self.error("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return rows


def with_memory_for(n_rows, **kwargs):
    """Return an architecture of networks that refuse more rows."""

    def networks(n_features, n_components):
        too_small = TooSmall(n_rows, **kwargs)
        encoder = torch.nn.Sequential(too_small, torch.nn.Linear(64, n_components))
        return encoder, torch.nn.Linear(n_components, n_features)

    return networks


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError, RuntimeError])
def test_full_memory_halves_the_batch_until_it_fits_and_says_so(error):
    model = DenoisingAE(
        4,
        architecture=with_memory_for(20, error=error),
        batch_size=64,
        max_iter=4,
        init="random",
        random_state=0,
    )
    with pytest.warns(OutOfMemoryWarning) as said:
        model.fit(X)
    messages = [str(w.message) for w in said if w.category is OutOfMemoryWarning]
    assert messages == [
        f"The memory of cpu is too small for batches of {before} rows; training goes "
        f"on with {after}. Set batch_size={after} to begin with them."
        for before, after in [(64, 32), (32, 16)]
    ]
    assert model.net_.batch_size == 16
    assert model.n_iter_ == 4
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.transform(X).shape == (300, 4)


def test_a_fit_that_goes_on_knows_the_batches_that_fit(tmp_path):
    class Fail(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise ZeroDivisionError

    model = DenoisingAE(
        4,
        architecture=with_memory_for(20),
        batch_size=32,
        max_iter=4,
        init="random",
        random_state=0,
        checkpoint=tmp_path,
        callbacks=[Fail()],
    )
    with pytest.warns(OutOfMemoryWarning), pytest.raises(ZeroDivisionError):
        model.fit(X)
    resumed = model.set_params(callbacks=None).fit(X)  # with no further warning
    assert resumed.net_.batch_size == 16
    assert resumed.n_iter_ == 4


def test_rows_are_evaluated_in_parts_that_fit():
    def fit(n_rows):
        params = {"batch_size": 8, "max_iter": 2, "random_state": 0, "init": "random"}
        return DenoisingAE(4, architecture=with_memory_for(n_rows), **params).fit(X)

    large, small = fit(10_000), fit(9)
    np.testing.assert_allclose(small.transform(X), large.transform(X), atol=1e-5)
    assert small.n_iter_ == large.n_iter_ == 2


def test_labelled_rows_are_evaluated_in_parts_that_fit():
    inner = DenoisingAE(
        4, architecture=with_memory_for(9), init="random", batch_size=8, max_iter=1
    )
    model = PretrainedClassifier(
        inner, batch_size=8, max_iter=2, early_stopping=True, random_state=0
    )
    assert model.fit(X, Y).predict(X).shape == (300,)


@pytest.mark.filterwarnings("ignore::sklearn_ae.OutOfMemoryWarning")
def test_no_batch_is_smaller_than_a_row():
    class Full(Callback):
        def on_grad_computed(self, net, **kwargs):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    model = AutoencoderTransformer(4, batch_size=4, max_iter=1, callbacks=[Full()])
    with pytest.raises(torch.cuda.OutOfMemoryError, match="CUDA out of memory"):
        model.fit(X)


def test_other_errors_are_no_matter_of_memory():
    class Fail(Callback):
        def on_batch_begin(self, net, **kwargs):
            raise RuntimeError("something else")

    model = ConvAutoencoderTransformer(4, channels=(2,), callbacks=[Fail()])
    with pytest.raises(RuntimeError, match="something else"):
        model.fit(X)
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


def test_parts_are_put_together_in_their_order():
    rows = torch.arange(23.0)[:, None]
    values = in_parts(lambda block: TooSmall(4)(block) * 2, rows)
    torch.testing.assert_close(values, rows * 2)
