"""A folder of images, a folder a class: decoded once into a cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from luthier.data import mapped
from luthier.data.arrays import MARKS, Pair
from luthier.errors import InvalidInput, MissingExtra

Array = npt.NDArray[Any]
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff")
GREY = ("1", "L", "LA", "I", "F", "I;16")


def parts(folder: Path) -> tuple[Path, Path | None, Path | None]:
    """Where the training images lie, and those for validation and test, where the folder has parts of these names."""
    inside = {p.name.lower(): p for p in folder.iterdir() if p.is_dir()}
    found = [next((inside[mark] for mark in marks if mark in inside), None) for marks in MARKS]
    if found[0] is None or not any(p.is_dir() for p in found[0].iterdir()):
        return folder, None, None
    return found[0], found[1], found[2]


def read(folder: Path, size: tuple[int, int] | None) -> Pair:
    """Images float32 [n, channels, height, width] in 0..1, one channel where all are grey, and their classes.

    Args:
        size: (height, width) to which all are brought; None: they have one size.

    Raises:
        InvalidInput: no classes, no images, a file that is no image, images of several sizes.
        MissingExtra: Pillow is not installed.
    """
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    files = [
        (p, i) for i, place in enumerate(classes) for p in sorted(place.rglob("*")) if p.suffix.lower() in SUFFIXES
    ]
    empty = [place.name for i, place in enumerate(classes) if all(number != i for _, number in files)]
    if not files or empty or len(classes) < 2:
        told = (
            f"the folder of class {empty[0]!r} holds no image" if files and empty else f"{len(classes)} folders with "
        )
        raise InvalidInput(
            told if files and empty else f"{told}{len(files)} images",
            must="a folder for each of at least two classes, with images in it",
            where=str(folder),
            remedy="Lay the images out as folder/class/image.png",
        )
    shape = _shape([path for path, _ in files], size)
    labels = tuple(place.name for place in classes)
    targets = np.array([number for _, number in files], np.int64)
    key = mapped.key_of("images 1", [mapped.stamp(path) for path, _ in files], shape)
    found = mapped.find(key)
    if found is not None:
        return Pair(found[0], targets, labels)
    num_bytes = 4.0 * len(files) * float(np.prod(shape))
    blocks = _decoded([path for path, _ in files], shape)
    small = num_bytes <= mapped.RESIDENT_BYTES
    return Pair(mapped.held(blocks, num_bytes=num_bytes) if small else mapped.write(key, blocks, {}), targets, labels)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtra("images need Pillow", remedy='Install it: pip install "luthier[images]"') from None
    return Image


def _shape(paths: list[Path], size: tuple[int, int] | None) -> tuple[int, int, int]:
    """(channels, height, width) of all images; their headers are read, not their pixels."""
    sizes: dict[tuple[int, int], Path] = {}
    grey = True
    for path in paths:
        with _open(path) as image:
            grey = grey and image.mode in GREY
            sizes.setdefault((image.height, image.width), path)
    if size is None and len(sizes) > 1:
        (first, a), (second, b) = list(sizes.items())[:2]
        raise InvalidInput(
            f"{a.name} has {first[0]} x {first[1]} pixels, {b.name} has {second[0]} x {second[1]}",
            must="images of one size",
            where=str(a.parent.parent),
            remedy="Say luthier.Data(..., image_size=(64, 64))",
        )
    height, width = size or next(iter(sizes))
    return (1 if grey else 3, height, width)


def _open(path: Path) -> Any:
    Image = _pillow()
    try:
        return Image.open(path)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} is no image that can be read ({type(error).__name__})", remedy="Remove it, or save it again"
        ) from None


def _decoded(paths: list[Path], shape: tuple[int, int, int]) -> Iterator[Array]:
    channels, height, width = shape
    for path in paths:
        with _open(path) as image:
            try:
                pixels = image.convert("L" if channels == 1 else "RGB")
                if pixels.size != (width, height):
                    pixels = pixels.resize((width, height))
                values = np.asarray(pixels, np.float32) / 255.0
            except (OSError, ValueError, SyntaxError) as error:
                raise InvalidInput(f"{path} breaks off ({error})", remedy="Remove it, or save it again") from None
        yield values.reshape(height, width, channels).transpose(2, 0, 1)[None]
