"""What a policy says: outliers by a speaker's own spread, repeats, words with value, limit and unit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from catalog.errors import BadRequest
from catalog.records import Analysis, Rule, Scoring
from catalog.store import Store
from catalog.suggestions import written

MakeAnalysis = Callable[..., Analysis]
OUTLIER = Rule("speaker_similarity", "outlier", 4, "another voice")


@pytest.fixture
def alike(store: Store, make_analysis: MakeAnalysis) -> tuple[Store, list[str]]:
    """Ten clips of one speaker that are alike but for the last."""
    ids: list[str] = []
    for name in ("one", "two"):
        analysis = make_analysis(name)
        store.take_in(analysis)
        ids += [clip.id for clip in analysis.clips]
    values = [0.80, 0.82, 0.78, 0.81, 0.79, 0.80, 0.83, 0.77, 0.80, 0.45]
    store.rescore([Scoring(i, {"speaker_similarity": v}, {}) for i, v in zip(ids, values, strict=True)])
    return store, ids


def suggested(store: Store, *rules: Rule) -> dict[str, list[str]]:
    rows = store.clip_table(rules=rules).to_pylist()
    return {row["id"]: row["suggestion_reasons"] for row in rows if row["suggestion"] == "reject"}


def test_an_outlier_is_far_below_the_speakers_own_clips(alike) -> None:
    store, ids = alike
    found = suggested(store, OUTLIER)
    assert list(found) == [ids[-1]]
    assert found[ids[-1]] == ["another voice: 0.45, under 0.71, the limit of this speaker"]
    assert store.clip(ids[-1], rules=[OUTLIER])["suggestion_reasons"] == found[ids[-1]]
    assert store.clip(ids[0], rules=[OUTLIER])["suggestion"] == "accept"


def test_a_handful_of_clips_has_no_spread(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    values = [0.8, 0.8, 0.8, 0.8, -0.5]
    store.rescore([Scoring(c.id, {"speaker_similarity": v}, {}) for c, v in zip(analysis.clips, values, strict=True)])
    assert suggested(store, OUTLIER) == {}


def test_a_repeat_is_told_with_the_clip_that_it_repeats(alike) -> None:
    store, ids = alike
    rule = Rule("duplicate_of", "known", 0, "repeats clip")
    store.rescore([Scoring(ids[3], {"duplicate_of": ids[0]}, {})])
    assert suggested(store, rule) == {ids[3]: [f"repeats clip {ids[0][:8]}"]}


def test_another_policy_computes_no_score_again(alike) -> None:
    store, _ = alike
    with store._reading() as cursor:
        before = cursor.execute("SELECT count(*) FROM scoring").fetchall()
    assert len(suggested(store, Rule("speaker_similarity", "<", 0.5, "x"))) == 1
    assert len(suggested(store, Rule("speaker_similarity", "<", 0.8, "x"))) == 4
    with store._reading() as cursor:
        assert cursor.execute("SELECT count(*) FROM scoring").fetchall() == before


def test_new_scores_change_the_suggestions_of_the_same_policy(alike) -> None:
    store, ids = alike
    assert len(suggested(store, OUTLIER)) == 1
    store.rescore([Scoring(ids[0], {"speaker_similarity": 0.1}, {})])
    assert set(suggested(store, OUTLIER)) == {ids[0], ids[-1]}


def test_a_value_is_never_rounded_onto_its_limit_or_beyond(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    noise, overlap = Rule("snr_db", "<", 20, "noise"), Rule("overlap_ratio", ">", 0.1, "voices")
    values = [(19.4, 0.3), (19.96, 0.104), (19.996, 0.1004), (20.0, 0.1), (19.9999999, 0.0)]
    scorings = zip(analysis.clips, values, strict=True)
    store.rescore([Scoring(clip.id, {"snr_db": a, "overlap_ratio": b}, {}) for clip, (a, b) in scorings])
    found = suggested(store, noise, overlap)
    assert [found.get(clip.id) for clip in analysis.clips] == [
        ["noise: 19.4 dB, under 20 dB", "voices: 30 %, over 10 %"],
        ["noise: 19.96 dB, under 20 dB", "voices: 10.4 %, over 10 %"],
        ["noise: 19.996 dB, under 20 dB", "voices: 10.04 %, over 10 %"],
        None,
        ["noise: 19.9999999 dB, under 20 dB"],
    ]


def test_an_outlier_is_told_with_as_many_digits_as_part_it_from_the_limit(alike) -> None:
    store, ids = alike
    store.rescore([Scoring(ids[-1], {"speaker_similarity": 0.7092}, {})])
    (reason,) = suggested(store, OUTLIER)[ids[-1]]
    assert reason == "another voice: 0.709, under 0.711, the limit of this speaker"


def test_a_rule_suggests_and_says_why(store: Store, make_analysis: MakeAnalysis) -> None:
    store.take_in(make_analysis("one"))
    rules = [
        Rule("snr_db", "<", 15, "noisy (it's loud)"),
        Rule("f0_median_hz", ">", 150, "high"),
        Rule("mos", "<", 3, "bad"),
    ]
    noisy, *_, clean = store.clip_table(rules=rules[:1], sort="snr_db").to_pylist()
    said = f"noisy (it's loud): {noisy['snr_db']:.1f} dB, under 15 dB"
    assert (noisy["suggestion"], noisy["suggestion_reasons"]) == ("reject", [said])
    assert noisy["suggestion_scores"] == ["snr_db"]
    assert (clean["suggestion"], clean["suggestion_reasons"]) == ("accept", [])
    both = store.clip_table(rules=rules).to_pylist()[0]
    assert both["suggestion_scores"] == ["snr_db", "f0_median_hz"]
    assert [reason.split(":")[0] for reason in both["suggestion_reasons"]] == ["noisy (it's loud)", "high"]
    assert store.clip_table(rules=rules[2:])["suggestion"].to_pylist() == [None] * 5
    assert store.clip_table()["suggestion"].to_pylist() == [None] * 5
    assert len(store.clip_table(rules=rules[:1], where="suggestion = 'reject'")) == 2
    for wrong in (Rule("1; DROP TABLE clip", "<", 1, "x"), Rule("snr_db", "known", 1, "x")):
        with pytest.raises(BadRequest):
            store.clip_table(rules=[wrong])


@pytest.mark.parametrize(
    ("score", "value", "words"),
    [
        ("overlap_ratio", 0.1, "10 %"),
        ("clipped_ratio", 0.0005, "0.05 %"),
        ("snr_db", 20, "20 dB"),
        ("bandwidth_hz", 3500, "3500 Hz"),
        ("speaker_similarity", 0.5, "0.50"),
        ("mos", 2.5, "2.5"),
        ("longest_pause_s", 1, "1 s"),
    ],
)
def test_limits_are_written_as_people_read_them(score: str, value: float, words: str) -> None:
    assert written(score, value) == words
