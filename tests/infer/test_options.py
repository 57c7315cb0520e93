from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from infer.options import OFFERED, ConvertOptions

NOT_OFFERED = {"noise_scale", "speaker", "seed", "subtype", "overwrite", "device"}
"""What programs set and people are not asked for among the rest."""


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
        ("backing", "louder"),
        ("song", 1),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(BadRequest, match=name):
        ConvertOptions.from_dict({name: value})


def test_every_option_is_offered_to_people_with_a_meaning_or_is_meant_for_programs() -> None:
    assert set(OFFERED) | NOT_OFFERED == set(ConvertOptions().to_dict())
    assert not set(OFFERED) & NOT_OFFERED
    for name, about in OFFERED.items():
        assert about.label, name
        assert 10 < len(about.words) < 100, name
        assert "\n" not in about.words, name
