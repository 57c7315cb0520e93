"""Products of matrices in place of torch's layers: the same numbers to rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trainer.products import by_products, product


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_products_are_the_same_where_onednn_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, bias = drawn(6, 5), drawn(7, 5), drawn(7)
    found = product(a, b, bias)
    monkeypatch.setattr(torch._C, "_has_mkldnn", False)
    torch.testing.assert_close(product(a, b, bias), found)
    torch.testing.assert_close(found, a @ b.t() + bias)


def test_layers_stay_torchs_own_where_something_else_decides_how_they_are_computed() -> None:
    weight = drawn(2, 2)
    assert by_products(weight)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not by_products(weight)
    assert not by_products(weight.to("meta"))
