import numpy as np
import pytest

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.training.progress import progress_bar, show_epoch, track


def test_a_bar_shows_losses_beside_that_of_pca(capsys):
    bar = progress_bar(5, "training", verbose=1)
    show_epoch(bar, {"train_loss": 0.123456, "valid_loss": 12.0}, reference=1 / 3)
    bar.close()
    assert (bar.n, bar.total) == (1, 5)
    assert bar.postfix == "loss=0.1235, validation=12, PCA=0.3333"
    out, err = capsys.readouterr()
    assert out == ""
    assert "training:" in err
    assert "1/5" in err


def test_what_is_not_known_is_left_out(capsys):
    bar = progress_bar(5, "finding n_components", verbose=1)
    show_epoch(bar, {"train_loss": 0.0}, reference=None)
    bar.close()
    assert bar.postfix == "loss=0"
    assert "finding n_components:" in capsys.readouterr().err


def test_a_silent_bar_shows_nothing(capsys, monkeypatch):
    # A bar of tqdm would start a thread even if it shows nothing.
    monkeypatch.setattr("tqdm.auto.tqdm", None)
    with progress_bar(5, "training", verbose=0) as bar:
        show_epoch(bar, {"train_loss": 0.5}, reference=None)
        bar.set_postfix_str("PCA")
        bar.update()
    assert list(track([1, 2], "fold", verbose=0)) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_bar_of_items_counts_them(capsys):
    assert list(track([1, 2], "fold", verbose=1)) == [1, 2]
    assert "2/2" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
def test_sizes_are_announced_before_training(curve, capsys):
    wide = np.repeat(curve[:60], 400, axis=1)
    AutoencoderTransformer(2, max_iter=1, verbose=1, random_state=0).fit(wide)
    first = capsys.readouterr().err.splitlines()[0]
    assert first == (
        "training: 301,318 parameters, hidden layers (59, 29), for 42 rows of 2,400 "
        "features"
    )
    AutoencoderTransformer(2, max_iter=1, random_state=0).fit(wide)
    assert capsys.readouterr().err == ""
