"""Products of matrices in place of torch's layers: their numbers, forward and backward, to rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from infer import transformer, wavenet
from infer.minimal_filtering import WIDE
from infer.products import by_products, learns_by_products, linear, product
from infer.transformer import Transformer
from infer.wavenet import GatedStack
from infer.weight_norm import fold_weight_norm


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_a_linear_layer_gives_and_learns_what_torchs_does() -> None:
    given = [part.double().requires_grad_() for part in (drawn(3, 4, 6), drawn(5, 6), drawn(5))]
    made, true = linear(*given), torch.nn.functional.linear(*given)
    torch.testing.assert_close(made, true)
    weigh = drawn(3, 4, 5).double()
    found, wanted = (torch.autograd.grad(out, given, weigh) for out in (made, true))
    for gradient, exact in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, exact)


def test_products_are_the_same_where_onednn_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, bias = drawn(6, 5), drawn(7, 5), drawn(7)
    found = product(a, b, bias)
    monkeypatch.setattr(torch._C, "_has_mkldnn", False)
    torch.testing.assert_close(product(a, b, bias), found)
    torch.testing.assert_close(found, a @ b.t() + bias)


def test_layers_stay_torchs_own_where_something_else_decides_how_they_are_computed() -> None:
    weight = drawn(2, 2).requires_grad_()
    assert learns_by_products(weight)
    with torch.no_grad():
        assert by_products(weight)
        assert not learns_by_products(weight)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not by_products(weight)
    assert not by_products(weight.to("meta"))


@pytest.mark.parametrize("network", ["gated", "transformer"])
def test_a_network_over_rows_gives_and_learns_what_it_does_otherwise(
    network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layers: nn.Module = GatedStack(WIDE, 5, 2, 8) if network == "gated" else Transformer(WIDE, 160, 2, 1, 3, 0.0)
    mask = torch.ones(2, 1, 21)
    mask[0, :, 17:] = 0
    others = (drawn(2, 8, 1),) if network == "gated" else ()
    asked: list[bool] = []
    found = []
    for rows in (True, False):
        for module in (wavenet, transformer):
            monkeypatch.setattr(module, "learns_by_products", lambda _, rows=rows: asked.append(rows) or rows)
        x = drawn(2, WIDE, 21).requires_grad_()
        layers.zero_grad()
        y = layers(x, mask, *others)
        (y * drawn(*y.shape)).sum().backward()
        assert x.grad is not None
        found.append([y.detach(), x.grad, *(part.grad for part in layers.parameters())])
    assert asked == [True, False]
    for made, true in zip(*found, strict=True):
        # a bias of all keys changes no attention: its gradient is rounding alone
        assert (made - true).norm() < 1e-5 * true.norm() + 1e-4


def test_a_folded_network_passes_without_gradients() -> None:
    stack = GatedStack(WIDE, 5, 2, 8)
    given = drawn(1, WIDE, 9), torch.ones(1, 1, 9), drawn(1, 8, 1)
    with torch.no_grad():
        whole = stack(*given)
        fold_weight_norm(stack)
        torch.testing.assert_close(stack(*given), whole)
    torch.testing.assert_close(stack(*given).detach(), whole, rtol=1e-4, atol=1e-4)
