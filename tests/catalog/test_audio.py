"""Reading and writing audio made here, with errors put in on purpose."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from catalog import audio
from catalog.errors import BadAudio, BadRequest

Samples = npt.NDArray[np.float32]
RATE = 16000

FORMATS: dict[str, dict[str, Any]] = {
    "s16.wav": {"format": "WAV", "subtype": "PCM_16"},
    "s24.wav": {"format": "WAV", "subtype": "PCM_24"},
    "float.wav": {"format": "WAV", "subtype": "FLOAT"},
    "u8.wav": {"format": "WAV", "subtype": "PCM_U8"},
    "gsm.wav": {"format": "WAV", "subtype": "GSM610"},
    "adpcm.wav": {"format": "WAV", "subtype": "IMA_ADPCM"},
    "x.flac": {"format": "FLAC", "subtype": "PCM_24"},
    "x.mp3": {"format": "MP3"},
    "x.ogg": {"format": "OGG", "subtype": "VORBIS"},
    "x.opus": {"format": "OGG", "subtype": "OPUS"},
    "x.aiff": {"format": "AIFF", "subtype": "PCM_16"},
}


def chirp(seconds: float, rate: int = RATE) -> Samples:
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(t))
    return (0.4 * np.sin(2 * np.pi * (150 + 40 * t) * t) + 0.02 * noise).astype(np.float32)


def write_av(path: Path, codec: str, x: Samples, rate: int) -> None:
    """Write (channels, n) with ffmpeg's encoder."""
    layout = "mono" if len(x) == 1 else "stereo"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout=layout)
        frame: Any = av.AudioFrame.from_ndarray(np.ascontiguousarray(x), format="fltp", layout=layout)
        frame.sample_rate = rate
        even: Any = av.AudioResampler(
            format=stream.codec_context.format,
            layout=layout,
            rate=rate,
            frame_size=stream.codec_context.frame_size or None,
        )
        for part in [*even.resample(frame), *even.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("name", FORMATS)
def test_every_range_equals_the_same_part_of_the_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    soundfile.write(path, chirp(4.0), RATE, **FORMATS[name])
    whole = np.concatenate(list(audio.blocks(path, block_s=0.7)))[:, 0]
    assert len(whole) / RATE == pytest.approx(4.0, abs=0.05)
    random = np.random.default_rng(1)
    ranges = sorted((start, start + 7000) for start in map(int, random.integers(0, len(whole) - 7000, 8)))
    for (start, end), cut in zip(ranges, audio.ranges(path, ranges), strict=True):
        part, rate = audio.read(path, start, end)
        assert rate == RATE
        np.testing.assert_allclose(part, whole[start:end], rtol=0, atol=1e-7)
        np.testing.assert_allclose(cut, whole[start:end], rtol=0, atol=1e-7)


@pytest.mark.parametrize(("name", "codec"), [("x.m4a", "aac"), ("x.aac", "aac"), ("x.webm", "libopus")])
def test_formats_that_only_ffmpeg_reads_give_exact_ranges(tmp_path: Path, name: str, codec: str) -> None:
    path = tmp_path / name
    write_av(path, codec, np.stack([chirp(4.0, 48000)] * 2), 48000)
    info = audio.probe(path)
    assert (info.sample_rate, info.channels) == (48000, 2)
    whole = np.concatenate(list(audio.blocks(path)))
    assert len(whole) / 48000 == pytest.approx(4.0, abs=0.1)
    for start, end in [(0, 100), (50001, 99999), (100000, len(whole))]:
        part, _ = audio.read(path, start, end, mono=False)
        np.testing.assert_array_equal(part, whole[start:end])


def test_a_late_range_of_an_m4a_is_found_by_seeking_to_the_same_sample(tmp_path: Path) -> None:
    path = tmp_path / "long.m4a"
    write_av(path, "alac", chirp(90.0, 8000)[None], 8000)
    whole = np.concatenate(list(audio.blocks(path)))[:, 0]
    for start in (500_001, 640_000, 700_007):
        part, _ = audio.read(path, start, start + 5000)
        np.testing.assert_array_equal(part, whole[start : start + 5000])


def test_blocks_from_the_middle_are_as_many_as_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    x = chirp(3.0)
    audio.write_wav(path, x, RATE, "FLOAT")
    blocks = list(audio.blocks(path, block_s=0.5, start=1000, frames=20001))
    assert [len(block) for block in blocks] == [8000, 8000, 4001]
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], x[1000:21001])


def test_a_three_hour_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    rate, hours = 4000, 3
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for _ in range(hours * 60):
            file.write(np.full(60 * rate, 0.25, np.float32))
    tracemalloc.start()
    try:
        total = sum(len(block) for block in audio.blocks(path, block_s=30.0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == hours * 3600 * rate
    assert total * 4 > 20 * peak


def test_a_sample_that_is_not_a_number_is_named_with_its_time(tmp_path: Path) -> None:
    for value in (np.nan, np.inf, -np.inf):
        x = chirp(2.0)
        x[24000] = value
        soundfile.write(tmp_path / "bad.wav", x, RATE, subtype="FLOAT")
        with pytest.raises(BadAudio, match=r"bad\.wav .*first at 1\.500 s"):
            list(audio.blocks(tmp_path / "bad.wav", block_s=0.3))
        with pytest.raises(BadAudio, match=r"first at 1\.500 s"):
            audio.read(tmp_path / "bad.wav", 20000, 30000)
        assert len(audio.read(tmp_path / "bad.wav", 0, 20000)[0]) == 20000


def cut_short(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


@pytest.mark.parametrize("name", ["s16.wav", "x.flac", "x.mp3"])
def test_a_truncated_file_gives_what_decodes_and_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    soundfile.write(path, chirp(8.0), RATE, **FORMATS[name])
    whole = np.concatenate(list(audio.blocks(path)))
    cut_short(path, 0.5)
    warnings: list[str] = []
    part = np.concatenate(list(audio.blocks(path, salvage=True, warnings=warnings)))
    assert 2.5 * RATE < len(part) < 5.5 * RATE
    np.testing.assert_allclose(part[: RATE * 2], whole[: RATE * 2], atol=1e-6)
    assert len(warnings) == 1
    assert "damaged or cut short" in warnings[0]
    seen: list[Samples] = []
    with pytest.raises(BadAudio, match="cut short"):
        seen.extend(audio.blocks(path, block_s=1.0))
    assert sum(map(len, seen)) == len(part)
    np.testing.assert_allclose(audio.read(path, RATE, 2 * RATE)[0], part[RATE : 2 * RATE, 0], atol=1e-6)


def test_less_than_a_second_of_a_damaged_file_is_not_worth_keeping(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, chirp(4.0), RATE)
    cut_short(path, 0.2)
    with pytest.raises(BadAudio, match=r"0\.80 s of 4\.00 s"):
        list(audio.blocks(path, salvage=True))


def test_what_lies_beyond_damage_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, chirp(8.0), RATE)
    whole = np.concatenate(list(audio.blocks(path)))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(byte ^ 0x5A for byte in data[middle : middle + 300])
    path.write_bytes(bytes(data))
    warnings: list[str] = []
    part = np.concatenate(list(audio.blocks(path, salvage=True, warnings=warnings)))
    assert warnings
    assert len(part) == len(whole)
    np.testing.assert_array_equal(part[: 2 * RATE], whole[: 2 * RATE])
    np.testing.assert_array_equal(part[-2 * RATE :], whole[-2 * RATE :])


def test_the_length_in_a_header_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "stream.wav"
    x = chirp(2.0)
    soundfile.write(path, x, RATE, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    size_at = data.index(b"data") + 4
    for claimed in (0xFFFFFFFF, 0):
        data[size_at : size_at + 4] = struct.pack("<I", claimed)
        path.write_bytes(bytes(data))
        assert sum(len(block) for block in audio.blocks(path)) == len(x)


BAD: dict[str, bytes] = {
    "empty.wav": b"",
    "text.wav": b"this is no audio at all\n" * 50,
    "header.wav": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0\x77\x01\0\x02\0\x10\0data\0\0\0\0",
    "garbage.flac": b"fLaC" + bytes(range(256)) * 20,
    "page.mp3": b"<!DOCTYPE html><html><body>not found</body></html>" * 20,
    "list.m3u8": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "raw.raw": bytes(range(256)) * 100,
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_audio_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BAD[name])
    for work in (audio.probe, audio.read, lambda path: list(audio.blocks(path, salvage=True))):
        with pytest.raises(BadAudio) as refusal:
            work(path)
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_what_is_no_file_is_refused_and_nothing_hangs(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="does not exist"):
        audio.probe(tmp_path / "none.wav")
    with pytest.raises(BadAudio, match="not a file"):
        audio.probe(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")
        with pytest.raises(BadAudio, match="not a file"):
            audio.probe(tmp_path / "pipe.wav")


def test_an_extension_that_lies_does_not_matter(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.mp3", chirp(1.0), RATE, format="MP3")
    (tmp_path / "x.mp3").rename(tmp_path / "named.wav")
    (tmp_path / "named.wav").rename(tmp_path / "-odd näme 名")
    assert audio.probe(tmp_path / "-odd näme 名").format == "MP3/MPEG_LAYER_III"


def test_a_range_beyond_the_end_gives_what_there_is(tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "a.wav", chirp(1.0), RATE)
    assert len(audio.read(tmp_path / "a.wav", RATE - 10, RATE + 10)[0]) == 10
    assert len(audio.read(tmp_path / "a.wav", 5, 5)[0]) == 0
    with pytest.raises(BadAudio, match=r"ends before 2\.00 s"):
        audio.read(tmp_path / "a.wav", 2 * RATE, 3 * RATE)
    with pytest.raises(BadRequest):
        audio.read(tmp_path / "a.wav", 10, 5)


def level(x: npt.NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.asarray(x, np.float64) ** 2)))


def test_a_voice_on_one_side_keeps_its_level() -> None:
    x = chirp(1.0)
    mixed = audio.to_mono(np.stack([x, np.zeros_like(x)], axis=1))
    np.testing.assert_allclose(mixed, x, atol=1e-7)


def test_a_channel_upside_down_does_not_silence_the_voice() -> None:
    x = chirp(1.0)
    mixed = audio.to_mono(np.stack([x, -x], axis=1))
    assert level(mixed) == pytest.approx(level(x))


def test_two_voices_on_two_channels_are_both_heard() -> None:
    x, y = chirp(1.0), np.random.default_rng(3).standard_normal(RATE).astype(np.float32) * 0.1
    np.testing.assert_allclose(audio.to_mono(np.stack([x, y], axis=1)), (x + y) / 2, atol=1e-6)


def test_all_parts_of_a_file_are_mixed_alike(tmp_path: Path) -> None:
    x, y = chirp(3.0), chirp(3.0)[::-1].copy()
    x[:RATE] = 0
    audio.write_wav(tmp_path / "a.wav", np.stack([x, y], axis=1), RATE, "FLOAT")
    whole, _ = audio.read(tmp_path / "a.wav")
    part, _ = audio.read(tmp_path / "a.wav", 0, RATE)
    np.testing.assert_array_equal(part, whole[:RATE])
    np.testing.assert_allclose(part, y[:RATE] / 2, atol=1e-6)


def test_the_mix_of_a_long_file_is_measured_all_over_it(tmp_path: Path) -> None:
    x = np.concatenate([np.zeros(100 * 4000, np.float32), chirp(100.0, 4000)])
    stereo = np.stack([x, -x], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 4000, subtype="FLOAT")
    assert sorted(audio.mono_weights(tmp_path / "a.wav")) == [0.0, 1.0]


@pytest.mark.parametrize("to", [16000, 44100, 48000])
def test_a_stream_is_resampled_as_the_whole_is(to: int) -> None:
    x = chirp(2.0, 22050)
    resampler = audio.Resampler(22050, to)
    pieces = [resampler.feed(part, last=False) for part in np.array_split(x, 7)]
    pieces.append(resampler.feed(x[:0], last=True))
    whole = audio.resample(x, 22050, to)
    assert len(whole) == pytest.approx(2.0 * to, abs=1)
    streamed = np.concatenate(pieces)
    assert abs(len(streamed) - len(whole)) <= 1
    count = min(len(streamed), len(whole))
    np.testing.assert_allclose(streamed[:count], whole[:count], atol=1e-4)


def test_resampling_does_not_alias() -> None:
    tone = np.sin(2 * np.pi * 9000 * np.arange(48000) / 48000).astype(np.float32)
    assert 20 * np.log10(level(audio.resample(tone, 48000, 16000)[1000:-1000]) + 1e-12) < -120


@pytest.mark.parametrize(("bits", "atol"), [(16, 2**-15), (24, 2**-23)])
def test_flac_keeps_samples_to_its_bits(tmp_path: Path, bits: Any, atol: float) -> None:
    x = chirp(1.0)
    audio.write_flac(tmp_path / "a.flac", x, RATE, bits=bits)
    back, rate = audio.read(tmp_path / "a.flac")
    assert rate == RATE
    np.testing.assert_allclose(back, x, rtol=0, atol=atol)
    assert audio.probe(tmp_path / "a.flac").format == f"FLAC/PCM_{bits}"


def test_float_wav_is_exact_and_keeps_what_is_over_full_scale(tmp_path: Path) -> None:
    x = chirp(0.5) * 8
    audio.write_wav(tmp_path / "a.wav", x, RATE, "FLOAT")
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav")[0], x)


def test_nothing_is_written_that_is_not_a_number(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="not numbers"):
        audio.write_wav(tmp_path / "a.wav", np.array([0.0, np.nan], np.float32), RATE)
    with pytest.raises(BadAudio, match="not numbers"), audio.new_audio(tmp_path / "a.wav", RATE) as append:
        append(np.array([np.inf], np.float32))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("container", "subtype"), [("WAV", "FLOAT"), ("FLAC", "PCM_24")])
def test_a_file_written_in_blocks_is_the_same_as_in_one(tmp_path: Path, container: str, subtype: str) -> None:
    x = chirp(2.0)
    with audio.new_audio(tmp_path / "a.out", RATE, container=container, subtype=subtype) as append:
        for part in np.array_split(x, 5):
            append(part)
    np.testing.assert_allclose(audio.read(tmp_path / "a.out")[0], x, atol=2**-23)


@pytest.mark.skipif(os.name == "nt", reason="limits are POSIX")
def test_a_full_disk_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    import resource

    x = np.random.default_rng(0).standard_normal(RATE * 4).astype(np.float32) * 0.2
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        for write in (audio.write_wav, audio.write_flac):
            with pytest.raises(BadRequest, match="The disk is full"):
                write(tmp_path / "a", x, RATE)
        with pytest.raises(BadRequest, match="The disk is full"), audio.new_audio(tmp_path / "a", RATE) as append:
            append(x)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert audio.sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(BadAudio, match="cannot be read"):
        audio.sha256(tmp_path / "none")


def test_audio_is_found_in_folders_sorted_once_and_whatever_the_case(tmp_path: Path) -> None:
    for name in ["b/2.WAV", "b/1.flac", "a.Mp3", "notes.txt", ".hidden.wav", "._a.wav", ".git/x.wav", "odd.xyz"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [path.relative_to(tmp_path).as_posix() for path in audio.find_audio([tmp_path, tmp_path / "a.Mp3"])]
    assert found == ["a.Mp3", "b/1.flac", "b/2.WAV"]
    assert [path.name for path in audio.find_audio([tmp_path / "odd.xyz"])] == ["odd.xyz"]


def test_a_missing_path_is_told_and_the_rest_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    problems: list[tuple[Path, str]] = []
    found = list(audio.find_audio([tmp_path / "none", tmp_path], problems=problems))
    assert [path.name for path in found] == ["a.wav"]
    assert problems == [(tmp_path / "none", "there is no such file or folder")]
    with pytest.raises(BadRequest, match="no such file"):
        list(audio.find_audio([tmp_path / "none"]))


def test_a_folder_that_may_not_be_read_is_told_and_the_rest_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "a.wav").write_bytes(b"x")
    real = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    problems: list[tuple[Path, str]] = []
    assert [path.name for path in audio.find_audio([tmp_path], problems=problems)] == ["a.wav"]
    assert problems == [(tmp_path / "secret", "cannot be read: Permission denied")]
