import pytest
import torch

from sklearn_ae.training.device import resolve_device


def test_cpu_is_a_device():
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "tpu"])
def test_unknown_devices(device):
    with pytest.raises(ValueError, match="device must name a device that torch finds"):
        resolve_device(device)
