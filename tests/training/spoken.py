"""Strings of spoken digits: recordings of the Free Spoken Digit Dataset, one after another."""

from __future__ import annotations

import io
import os
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

FRAME, BANDS = 256, 16
SPEAKER = "jackson"


def strings(num: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(frames [T, BANDS] of each string, its digits as 1 to 10); strings of one to three digits by one speaker.

    A frame is 32 ms: the logarithm of its energy in bands of equal width, roughly centred and scaled.
    """
    shared = Path(os.environ.get("LUTHIER_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    packed = shared / "fsdd" / "fsdd-recordings.zip"
    if not packed.exists():
        pytest.skip("no fsdd in LUTHIER_DATA")
    rng = np.random.default_rng(seed)
    with zipfile.ZipFile(packed) as recordings:
        words = [[_frames(recordings, digit, i) for i in range(10)] for digit in range(10)]
    drawn = [rng.integers(0, 10, rng.integers(1, 4)) for _ in range(num)]
    frames = [np.concatenate([words[digit][rng.integers(10)] for digit in digits]) for digits in drawn]
    return frames, [digits + 1 for digits in drawn]


def _frames(recordings: zipfile.ZipFile, digit: int, take: int) -> np.ndarray:
    with wave.open(io.BytesIO(recordings.read(f"recordings/{digit}_{SPEAKER}_{take}.wav"))) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16) / 2**15
    rows = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME) * np.hanning(FRAME)
    energy = np.abs(np.fft.rfft(rows))[:, 1:] ** 2
    logs = np.log(energy.reshape(len(rows), BANDS, -1).mean(2) + 1e-6)
    return ((logs + 5.0) / 4.0).astype(np.float32)
