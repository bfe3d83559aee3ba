import torch
from torch import nn

from sklearn_ae.training.precision import training_dtype

CPU = torch.device("cpu")


def test_bfloat16_is_for_large_layers_on_processors_that_have_it(monkeypatch):
    monkeypatch.setattr(
        torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False
    )
    small, large = nn.Linear(20, 64), nn.Linear(784, 300)
    assert training_dtype("auto", CPU, small) == torch.float32
    assert training_dtype("auto", CPU, large) == torch.bfloat16
    assert training_dtype("float32", CPU, large) == torch.float32
    assert training_dtype("bfloat16", CPU, small) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert training_dtype("auto", CPU, large) == torch.float32
