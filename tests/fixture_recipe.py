"""Weights for tests that are a pure function of a parameter's name: numpy's frozen legacy generator, seeded by the
name's CRC. The reference numbers in the tests were made with the same rule."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

Rule = tuple[str, str, str, float]
"""Name prefix, name suffix, kind, gain; the first that matches counts."""

GENERATOR_RULES: tuple[Rule, ...] = (
    ("dec.m_source.l_linear.", "weight", "about", 2.0),
    ("dec.noise_convs.", "weight", "fan", 1.5),
    ("dec.resblocks.", "weight_g", "about", 0.45),
    ("dec.ups.", "weight_g", "about", 1.6),
    ("dec.conv_post.", "weight", "fan", 0.55),
    ("enc_p.proj.", "weight", "fan", 0.5),
    ("enc_q.proj.", "weight", "fan", 0.4),
    ("flow.", "post.weight", "fan", 0.5),
    ("emb_g.", "weight", "std", 0.5),
    ("enc_p.emb_pitch.", "weight", "std", 0.5),
    ("", "emb_rel_k", "std", 0.3),
    ("", "emb_rel_v", "std", 0.3),
    ("", "weight_g", "about", 1.0),
    ("", "gamma", "about", 1.0),
    ("", "beta", "std", 0.1),
    ("", "bias", "std", 0.05),
    ("", "weight_v", "fan", 1.0),
    ("", "weight", "fan", 1.0),
)
DISCRIMINATOR_RULES: tuple[Rule, ...] = (
    ("", "weight_g", "about", 1.3),
    ("", "bias", "std", 0.05),
    ("", "weight_v", "fan", 1.0),
    ("", "weight", "fan", 1.0),
)


def normal(name: str, shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float64]:
    """Standard normal numbers that depend on nothing but the arguments."""
    stream = np.random.RandomState((zlib.crc32(name.encode()) + seed) % 2**32)
    return np.asarray(stream.standard_normal(size=shape))


def parameter(name: str, shape: tuple[int, ...], rules: tuple[Rule, ...]) -> NDArray[np.float64]:
    """One parameter: "std" gain·n, "about" gain·(1 + 0.1 n), "fan" gain·n / sqrt(fan in)."""
    kind, gain = next(
        (kind, gain) for prefix, suffix, kind, gain in rules if name.startswith(prefix) and name.endswith(suffix)
    )
    drawn = normal(name, shape)
    if kind == "about":
        return gain * (1 + 0.1 * drawn)
    return gain * drawn / (np.sqrt(np.prod(shape[1:])) if kind == "fan" else 1.0)


def fill(network: torch.nn.Module, rules: tuple[Rule, ...]) -> None:
    """Put the rule's weights into a network, as float32."""
    state: Mapping[str, torch.Tensor] = network.state_dict()
    made = {
        name: torch.from_numpy(parameter(name, tuple(value.shape), rules).astype(np.float32))
        for name, value in state.items()
    }
    network.load_state_dict(made, strict=True)


def checksum(name: str, values: NDArray[np.generic]) -> tuple[float, float, float]:
    """Sum, L2 norm, and the product with a fixed vector of signs, in float64."""
    return checksums(name, [values])[0]


def checksums(name: str, several: Sequence[NDArray[np.generic]]) -> list[tuple[float, float, float]]:
    """`checksum` of several arrays of one name and shape; the signs are drawn once."""
    signs = np.sign(normal("probe:" + name, several[0].shape) + 1e-12).ravel()
    exact = [np.asarray(values, np.float64).ravel() for values in several]
    return [(float(flat.sum()), float(np.sqrt(flat @ flat)), float(flat @ signs)) for flat in exact]
