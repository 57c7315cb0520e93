"""Adapter between the reference fixtures' checker and the product code; each function only calls the product.

Run the checker with `PYTHONPATH=tests` and `--adapter fixture_adapter`; `NUMERICS=2026` trains with those constants.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

# --- network and training mathematics


def synth_load(pth: str) -> Any:
    from infer.weights import build, read_pth

    return build(read_pth(Path(pth))).fold_weight_norm()


def synth_infer(
    model: Any, phone: Any, lengths: Any, pitch: Any, f0: Any, sid: Any, noise_z: Any, noise_src: Any,
    skip_head: int | None = None, return_length: int | None = None,
) -> Any:  # fmt: skip
    def tensor(values: Any, kind: torch.dtype = torch.float32) -> torch.Tensor | None:
        return None if values is None else torch.as_tensor(np.asarray(values)).to(kind)

    with torch.inference_mode():
        return model.infer(
            tensor(phone), tensor(lengths, torch.long), tensor(pitch, torch.long), tensor(f0),
            tensor(sid, torch.long), noise_z=tensor(noise_z), noise_src=tensor(noise_src),
            skip_head=skip_head, return_length=return_length,
        ).numpy()  # fmt: skip


# --- f0, retrieval and the conversion pipeline


def coarse(f0: Any) -> Any:
    from infer.f0 import coarse

    return coarse(f0)


def f0_train(audio: Any, method: str) -> Any:
    from infer.f0 import estimate

    return estimate(audio, method)


def f0_infer(audio: Any, p_len: int, method: str, filter_radius: int) -> Any:
    from infer.f0 import estimate, smooth

    return smooth(estimate(audio, method), method, filter_radius)


def highpass(audio: Any) -> Any:
    from infer.highpass import highpass

    return highpass(audio)


def median3(f0: Any) -> Any:
    from infer.f0 import median3

    return median3(f0)


def spectrogram(wave: Any, n_fft: int, hop: int, win: int) -> Any:
    from infer import mel as product

    return product.spectrogram(torch.as_tensor(wave)[None], n_fft, hop, win)[0].numpy()


def mel(wave: Any, n_fft: int, hop: int, win: int, sr: int, n_mels: int, fmin: float, fmax: float | None) -> Any:
    from infer.mel import MelSettings, mel_spectrogram

    settings = MelSettings(sr, n_fft, hop, n_mels, fmin, fmax)
    assert settings.win == win
    return mel_spectrogram(torch.as_tensor(wave)[None], settings)[0].numpy()


def disc(version: str, state_dict: Any) -> Any:
    from trainer.discriminator import V1, V2, MultiPeriodDiscriminator

    network = MultiPeriodDiscriminator({"v1": V1, "v2": V2}[version])
    network.load_state_dict({name: torch.as_tensor(value) for name, value in state_dict.items()}, strict=True)

    def judge(wave: Any) -> Any:
        with torch.no_grad():
            scores, features = network(torch.as_tensor(wave))
        return [score.numpy() for score in scores], [[layer.numpy() for layer in part] for part in features]

    return judge


def losses(
    out_real: Any, out_fake: Any, fmaps_real: Any, fmaps_fake: Any, z_p: Any, logs_q: Any, m_p: Any, logs_p: Any,
    mask: Any,
) -> Any:  # fmt: skip
    from trainer import losses as product

    def tensors(values: Any) -> Any:
        return [tensors(value) if isinstance(value, list) else torch.as_tensor(value) for value in values]

    return {
        "disc": product.discriminator_loss(tensors(out_real), tensors(out_fake)),
        "gen": product.generator_loss(tensors(out_fake)),
        "feature": product.feature_loss(tensors(fmaps_real), tensors(fmaps_fake)),
        "kl": product.kl_loss(*tensors([z_p, logs_q, m_p, logs_p, mask])),
    }


def train(tag: str, hps: Any, f0: bool, batches: Any, draws: Any) -> Any:
    import os

    from fixture_training import run_steps

    return run_steps(tag, hps, f0, batches, draws, os.environ.get("NUMERICS", "classic"))


def rmvpe_mel(audio: Any) -> Any:
    from infer.rmvpe import log_mel

    return log_mel(torch.from_numpy(audio)).numpy()


def rmvpe_decode(salience: Any, threshold: float) -> Any:
    from infer.rmvpe import decode

    return decode(salience, threshold)


def rmvpe_net(state: dict[str, Any]) -> Any:
    from infer.rmvpe import network

    net = network({name: torch.from_numpy(np.asarray(value)) for name, value in state.items()})

    def run(mel: Any) -> Any:
        with torch.inference_mode():
            return net(torch.from_numpy(mel)[None])[0].numpy()

    return run


def change_rms(source: Any, source_rate: int, output: Any, output_rate: int, rate: float) -> Any:
    from infer.volume import Contour, gain

    contours = []
    for audio, sample_rate in ((source, source_rate), (output, output_rate)):
        contour = Contour(sample_rate)
        contour.feed(audio)
        contours.append(contour.rms())
    return output * gain(*contours, rate, (len(output), 0, len(output)))


def blend(features: Any, index_path: str, index_rate: float) -> Any:
    from infer.retrieval import open_index

    return open_index(Path(index_path)).blend(features, index_rate)


def protect_mix(blended: Any, raw: Any, f0: Any, protect: float) -> Any:
    from infer.retrieval import protect_unvoiced

    return protect_unvoiced(blended, raw, f0, protect)


class StubEncoder:
    """The fixtures' stand-in for a content encoder."""

    name, version, dim = "stub", "1", 768

    def __init__(self, content: Any) -> None:
        self.content = content

    def measure(self, audio: Any) -> None:
        return None

    def encode(self, audio: Any, statistics: Any = None) -> Any:
        return self.content(audio)


def convert(
    pth: str, audio: Any, cfg: dict[str, Any], content: Any, noise: Any, index_path: str | None, f0_points: Any
) -> Any:
    import tempfile

    from infer.convert import Conversion
    from infer.cuts import Chunking
    from infer.options import ConvertOptions
    from infer.retrieval import open_index
    from infer.track import Track
    from infer.voice import Voice
    from infer.volume import CEILING

    options = ConvertOptions.classic(
        transpose=cfg["f0_up_key"], f0_method=cfg["f0_method"], index_rate=cfg["index_rate"], protect=cfg["protect"],
        rms_mix=cfg["rms_mix_rate"], filter_radius=cfg["filter_radius"], resample=cfg["resample_sr"],
        speaker=cfg["sid"],
    )  # fmt: skip
    index = open_index(Path(index_path)) if index_path else None
    voice = Voice(synth_load(pth), StubEncoder(content), index)
    with tempfile.TemporaryDirectory() as folder:
        source = Track(Path(folder) / "source")
        source.append(audio)
        made = Conversion(
            voice, options, Path(folder), draw=noise, f0_points=f0_points, keep_length=False, limit_volume=False,
            chunking=Chunking(cfg["x_pad"], cfg["x_query"], cfg["x_center"], cfg["x_max"]),
        )  # fmt: skip
        track, _ = made.run(source)
        wave = track.read(0, len(track))
    scale = 32768 / max(1.0, float(np.abs(wave).max()) / CEILING)
    return (wave * scale).astype(np.int16)
