"""scikit-learn's own callbacks see each epoch."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sklearn_ae import AutoencoderTransformer

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")

X = load_digits().data[:400]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")


class Recorder:
    """A callback that notes what it is told, and stops after some epochs."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.begun, self.ended, self.scores = [], [], []
        self.torn_down = 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.task_name, context.max_subtasks))

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.ended.append(context.task_name)
        self.scores.append(fitted_estimator.score(X))
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after


def make(**params):
    return AutoencoderTransformer(4, **{"max_iter": 4, "random_state": 0} | params)


def test_each_epoch_is_a_task_of_the_fit():
    recorder = Recorder()
    ae = make().set_callbacks(recorder).fit(X)
    assert recorder.begun == [("fit", 4)] + 4 * [("epoch", 0)]
    assert recorder.ended == 4 * ["epoch"] + ["fit"]
    assert recorder.torn_down == 1
    assert recorder.scores[-1] == ae.score(X)
    assert len(set(recorder.scores[:4])) == 4


def test_callbacks_change_nothing():
    watched = make().set_callbacks(Recorder()).fit(X)
    np.testing.assert_array_equal(watched.transform(X), make().fit(X).transform(X))


def test_a_callback_can_end_training():
    recorder = Recorder(stop_after=2)
    ae = make().set_callbacks(recorder).fit(X)
    assert ae.n_iter_ == 2
    assert recorder.ended == ["epoch", "epoch", "fit"]


def test_callbacks_are_torn_down_after_an_error():
    recorder = Recorder()
    ae = make(learning_rate=1e30).set_callbacks(recorder)
    with (
        pytest.warns(UserWarning, match="non-finite"),
        pytest.raises(ValueError, match="must stay finite"),
    ):
        ae.fit(X)
    assert recorder.torn_down == 1


def share(estimator, X, y=None):
    return estimator.score(X)


def test_scoring_monitor_scores_every_epoch():
    monitor = callback.ScoringMonitor(scoring={"share": share})
    ae = make().set_callbacks(monitor).fit(X)
    log = monitor.get_logs()
    table = log.data_as_pandas
    assert sorted(table["task_name"]) == 4 * ["epoch"] + ["fit"]
    assert np.isfinite(table["share"]).all()
    assert table.set_index("task_name")["share"]["fit"] == ae.score(X)


def test_a_callback_sees_the_columns_of_a_table():
    table = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    recorder = Recorder()
    make(max_iter=2).set_callbacks(recorder).fit(table)  # no warning of lost names
    assert len(recorder.scores) == 3


def test_an_epoch_that_skorch_ends_is_reported():
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    recorder = Recorder()
    make(callbacks=[Stop()]).set_callbacks(recorder).fit(X)
    assert recorder.ended == ["epoch", "fit"]


def test_ctrl_c_within_a_callback_is_no_silent_end():
    class Interrupted(Recorder):
        def on_fit_task_end(self, estimator, context):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make().set_callbacks(Interrupted()).fit(X)


def test_progress_bar_reaches_into_pipelines(capsys):
    pytest.importorskip("rich")
    pipeline = make_pipeline(StandardScaler(), make())
    pipeline.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X)
    assert "AutoencoderTransformer" in capsys.readouterr().out


def test_nested_fits_report_once():
    recorder = Recorder()
    ae = make(max_iter=3).set_params(n_components=0.5)
    ae.set_callbacks(recorder).fit(X)
    assert recorder.ended == 3 * ["epoch"] + ["fit"]


def test_shallow_copies_share_the_module_and_pickles_do_not():
    ae = make().fit(X)
    assert copy.copy(ae).module_ is ae.module_
    assert pickle.loads(pickle.dumps(ae)).module_ is not ae.module_
