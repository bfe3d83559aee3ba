import os
import threading

import pytest
import torch

from sklearn_ae.nn.randomness import uniform_like
from sklearn_ae.training.isolation import isolated


def test_torch_is_as_the_library_needs_it():
    with torch.inference_mode(), torch.autocast("cpu"), torch.device("meta"):
        with isolated():
            assert not torch.is_inference_mode_enabled()
            assert torch.is_grad_enabled()
            assert not torch.is_autocast_enabled("cpu")
            assert torch.zeros(1).device.type == "cpu"
        assert torch.is_inference_mode_enabled()
        assert not torch.is_grad_enabled()
        assert torch.is_autocast_enabled("cpu")
        assert torch.zeros(1).device.type == "meta"


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_default_type_comes_back_after_an_error(float64):
    @isolated()
    def fail():
        assert torch.zeros(1).dtype == torch.float32
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert torch.get_default_dtype() == torch.float64


def test_the_last_call_of_any_thread_puts_the_default_type_back(float64):
    entered, leave = threading.Event(), threading.Event()

    def compute():
        with isolated():
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=compute)
    with isolated():
        other.start()
        entered.wait(10)
    assert torch.get_default_dtype() == torch.float32
    leave.set()
    other.join()
    assert torch.get_default_dtype() == torch.float64


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_forgets_the_calls_of_other_threads(float64):
    entered, leave = threading.Event(), threading.Event()

    def compute():
        with isolated():
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=compute)
    other.start()
    entered.wait(10)
    child = os.fork()
    if child == 0:
        is_back = torch.get_default_dtype() == torch.float64
        with isolated():
            is_set = torch.get_default_dtype() == torch.float32
        is_back &= torch.get_default_dtype() == torch.float64
        os._exit(0 if is_back and is_set else 1)
    _, status = os.waitpid(child, 0)
    leave.set()
    other.join()
    assert status == 0


def test_a_seed_decides_draws_and_no_seed_goes_on():
    ones = torch.ones(8)
    with isolated(3):
        first, second = uniform_like(ones), uniform_like(ones)
    with isolated(3):
        assert torch.equal(uniform_like(ones), first)
        with isolated():
            assert torch.equal(uniform_like(ones), second)
