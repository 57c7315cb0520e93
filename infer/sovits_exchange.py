"""so-vits-svc voices into the registry: checkpoint, config.json and, where there is one, the table of clusters or the
index of features.

Separate from `infer.exchange` because nothing of RVC's layout applies: the sizes come from a file of their own, and
the weights from a training checkpoint. Nothing in the files is executed.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from catalog import registry
from catalog.errors import BadModel, BadRequest
from catalog.library import Library
from infer import refiner_config
from infer.archive import check_archive
from infer.exchange import INDEX, WEIGHTS
from infer.refiner import Refiner
from infer.refiner_config import RefinerConfig
from infer.refiner_file import read_diffusion, write_refiner
from infer.retrieval import check_index
from infer.sovits import network_tensors
from infer.sovits_config import KIND, SoVitsFile, read_config
from infer.sovits_index import read_index
from infer.weights import VoiceFile, fit, read_base, write_safetensors

_MOST_CENTRES = 1_000_000


def import_sovits(
    library: Library,
    file: Path,
    config: Path,
    *,
    name: str,
    clusters: Path | None = None,
    index: Path | None = None,
    diffusion: Path | None = None,
    diffusion_config: Path | None = None,
) -> dict[str, Any]:
    """Put a so-vits-svc 4.0 or 4.1 voice into the registry as `name` and give its card.

    `file` is G_*.pth. Of its first speaker either the centres in `clusters` (kmeans_*.pt) become the voice's retrieval,
    one neighbour a feature, or the `index` of all its features (feature_and_index.pkl of 4.1), eight as RVC has them.
    `diffusion` is the model_*.pt of 4.1's shallow diffusion and `diffusion_config` its .yaml, by default the one beside
    it: it becomes the voice's refiner.
    Raises BadModel for files that are not that or do not fit each other, BadRequest when the name is taken, a file is
    not there, or clusters and index are both given.
    """
    if clusters is not None and index is not None:
        raise BadRequest("A voice has clusters or an index of features, not both: give one of them")
    said = read_config(config)
    try:
        tensors = fit(network_tensors(read_base(file)), said.config)
    except BadModel as error:
        line = str(error) if file.name in str(error) else f"{file.name}: {error}"
        raise BadModel(f"{line} (with the sizes of {config.name})") from error
    centres = None if clusters is None else read_clusters(clusters, said)
    written = None if index is None else read_index(index, said.speakers)
    refiner = None if diffusion is None else read_diffusion(diffusion, diffusion_config)
    if diffusion is not None and refiner is not None:
        _check_refiner(refiner.config, said, diffusion)
    voice = VoiceFile(said.config, tensors, KIND)

    def fill(folder: Path) -> dict[str, Any]:
        write_safetensors(folder / WEIGHTS, voice)
        if centres is not None:
            _write_centres(folder / INDEX, centres)
        if written is not None:
            (folder / INDEX).write_bytes(written)
            check_index(folder / INDEX, said.config.phone_dim)
        if refiner is not None:
            write_refiner(folder / refiner_config.FILE, refiner)
        more = {} if refiner is None or diffusion is None else {"refiner": {"file": diffusion.name, **_told(refiner)}}
        return _card(said, file, centres is not None) | more

    return registry.publish(library, name, build=fill)


def _check_refiner(config: RefinerConfig, said: SoVitsFile, file: Path) -> None:
    own = (said.config.sample_rate, said.config.frame_hop, said.config.phone_dim)
    if (config.sample_rate, config.hop, config.phone_dim) != own:
        raise BadModel(
            f"{file.name} is made for {config.sample_rate} Hz, {config.hop} samples a frame and features of "
            f"{config.phone_dim} numbers, the voice for {own[0]}, {own[1]} and {own[2]}"
        )


def _told(refiner: Refiner) -> dict[str, Any]:
    """What the card says of a refiner."""
    return {"most_steps": refiner.config.most_steps, "config": refiner.config.to_dict()}


def read_clusters(path: Path, said: SoVitsFile) -> NDArray[np.float32]:
    """The centres (N, dim) of the first speaker in a file of clusters; raises BadModel in one line."""
    check_archive(path)
    array_parts: list[Any] = [np.ndarray, np.dtype, *_array_builders()]
    try:
        with torch.serialization.safe_globals(array_parts):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds here, all meaning the same to the reader
        raise BadModel(f"{path.name} is no table of clusters, or holds more than that: refused") from error
    names = sorted(said.speakers, key=lambda name: said.speakers[name])
    tables = [content[name] for name in names if name in content] if isinstance(content, Mapping) else []
    if not tables or not isinstance(tables[0], Mapping) or "cluster_centers_" not in tables[0]:
        raise BadModel(f"{path.name} has no clusters of the speakers {', '.join(names) or 'of the config'}")
    centres = np.asarray(tables[0]["cluster_centers_"], dtype=np.float32)
    if centres.ndim != 2 or centres.shape[1] != said.config.phone_dim or not 1 <= len(centres) <= _MOST_CENTRES:
        raise BadModel(f"{path.name} holds clusters of another size than the voice's {said.config.phone_dim} numbers")
    if not np.isfinite(centres).all():
        raise BadModel(f"{path.name} holds values that are not numbers (NaN or infinite)")
    return centres


def _array_builders() -> list[Any]:
    """What a pickled numpy array of numbers is made with, under its older and newer names."""
    import numpy.dtypes
    from numpy._core import multiarray

    kinds = [numpy.dtypes.Float32DType, numpy.dtypes.Float64DType]
    old = (multiarray._reconstruct, "numpy.core.multiarray._reconstruct")
    # older pickles carry bytes as text to be encoded
    return [multiarray._reconstruct, old, *kinds, (codecs.encode, "_codecs.encode")]


def _write_centres(path: Path, centres: NDArray[np.float32]) -> None:
    import faiss

    index = faiss.IndexFlatL2(centres.shape[1])
    index.add(np.ascontiguousarray(centres))
    faiss.write_index(index, str(path))


def _card(said: SoVitsFile, file: Path, clustered: bool) -> dict[str, Any]:
    """The card of an imported voice; what its files do not say stays None."""
    return {
        "version": KIND,
        "f0": True,
        "sample_rate": said.config.sample_rate,
        "config": said.config.to_dict(),
        "encoder": {"name": said.encoder, "version": "1", "dim": said.config.phone_dim},
        "retrieval": {"neighbours": 1} if clustered else None,
        "numerics": "classic",
        "set": None,
        "run": None,
        "metrics": {},
        "f0_stats": None,
        "speakers": sorted(said.speakers, key=lambda name: said.speakers[name]),
        "imported": {"file": file.name, "info": "", "extras": {}},
    }
