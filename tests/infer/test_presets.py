from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from infer.options import OFFERED, ConvertOptions
from infer.presets import PRESETS, preset_values


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_only_what_people_may_set_and_to_what_is_possible(name: str) -> None:
    values = preset_values(name)
    assert set(values) <= set(OFFERED)
    options = ConvertOptions.from_dict(values)
    assert {key: getattr(options, key) for key in values} == dict(values)
    assert options != ConvertOptions(), "a preset that changes nothing is none"


def test_presets_differ_from_each_other() -> None:
    assert len({ConvertOptions.from_dict(preset.values) for preset in PRESETS.values()}) == len(PRESETS)


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(BadRequest, match="did you mean singing"):
        preset_values("singin")
