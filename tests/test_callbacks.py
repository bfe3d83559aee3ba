"""scikit-learn's own callbacks see each epoch."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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


def test_scoring_monitor_in_a_search():
    monitor = callback.ScoringMonitor(scoring=None)
    ae = make(max_iter=2).set_callbacks(monitor)
    GridSearchCV(ae, {"learning_rate": [1e-3, 4e-3]}, cv=2).fit(X)
    logs = monitor.get_logs()
    tables = [
        log.data_as_pandas for log in (logs if isinstance(logs, list) else [logs])
    ]
    assert sum((table["task_name"] == "epoch").sum() for table in tables) == 5 * 2


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
