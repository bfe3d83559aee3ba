import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.training.device import resolve_device


def test_cpu_is_a_device():
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "tpu"])
def test_unknown_devices(device):
    with pytest.raises(ValueError, match="device must name a device that torch finds"):
        resolve_device(device)


@pytest.mark.filterwarnings("ignore::sklearn_ae.PCAFloorWarning")
@pytest.mark.parametrize("device", [torch.device("cpu"), "cpu:0", "auto"])
def test_devices_of_torch_and_their_numbers(device):
    model = AutoencoderTransformer(2, device=device, max_iter=1, random_state=0)
    model.fit(load_iris().data)
    assert model.device_ in {"cpu", "cuda:0"}
    assert clone(model).device == device
