import signal
import sys

import pytest

from sklearn_ae.training.interrupt import (
    Interrupt,
    called_from_prompt,
    signals_as_interrupts,
)


def called_through(*names):
    """Ask from a module of the first name, through functions of the others."""
    function = called_from_prompt
    for name in reversed(names):
        namespace = {"__name__": name, "inner": function}
        exec("def outer():\n    return inner()", namespace)
        function = namespace["outer"]
    return function()


@pytest.fixture
def prompt(monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)


@pytest.mark.usefixtures("prompt")
@pytest.mark.parametrize(
    "names",
    [
        ("__main__",),
        ("__main__", "sklearn_ae.base"),
        ("__main__", "sklearn.pipeline", "joblib.memory", "sklearn.base", "sklearn_ae"),
        ("anything", "__main__", "sklearn_ae"),
    ],
    ids=" > ".join,
)
def test_a_person_calls_alone_or_through_a_pipeline(names):
    assert called_through(*names)


@pytest.mark.usefixtures("prompt")
@pytest.mark.parametrize(
    "names",
    [
        ("program",),
        ("__main__", "program", "sklearn_ae.base"),
        ("__main__", "sklearn.model_selection._search", "sklearn_ae.base"),
        ("__main__", "joblib.parallel", "sklearn.pipeline"),
        ("__main__", "sklearn_ae_extras"),
    ],
    ids=" > ".join,
)
def test_searches_and_other_libraries_are_no_person(names):
    assert not called_through(*names)


def test_a_script_has_no_prompt(monkeypatch):
    monkeypatch.delattr(sys, "ps1", raising=False)
    assert not called_through("__main__", "sklearn_ae.base")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_interrupt_within_a_block_alone(usual_handlers, number):
    before = usual_handlers[number]
    with signals_as_interrupts():
        assert signal.getsignal(number) is not before
        with pytest.raises(Interrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


@pytest.mark.usefixtures("usual_handlers")
def test_blocks_within_blocks_change_nothing():
    with signals_as_interrupts():
        inner = signal.getsignal(signal.SIGTERM)
        with signals_as_interrupts():
            assert signal.getsignal(signal.SIGTERM) is inner
        assert signal.getsignal(signal.SIGTERM) is inner
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda number, frame: None])
def test_handlers_of_the_program_stay(handler):
    before = signal.signal(signal.SIGTERM, handler)
    try:
        with signals_as_interrupts():
            assert signal.getsignal(signal.SIGTERM) is handler
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
