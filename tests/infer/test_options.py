from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from infer.options import ConvertOptions


def test_options_survive_json() -> None:
    options = ConvertOptions(transpose=-5.5, f0_method="dio", resample=48000, overwrite=True)
    assert ConvertOptions.from_dict(options.to_dict()) == options


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(BadRequest, match="did you mean index_rate"):
        ConvertOptions.from_dict({"index_rat": 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("index_rate", 1.5),
        ("protect", 0.6),
        ("rms_mix", -0.1),
        ("noise_scale", float("nan")),
        ("transpose", 100),
        ("transpose", "high"),
        ("resample", 8000),
        ("filter_radius", -1),
        ("seed", 1.5),
        ("device", "abacus"),
        ("subtype", "PCM_8"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(BadRequest, match=name):
        ConvertOptions.from_dict({name: value})
