"""Reads Herald's spliced files with the decoders others use, and weighs them against Pillow's own.

    python decoders/check.py FOLDER OUT.md

FOLDER is what `herald-bench decoders` wrote: for each guest a PNG, a JPEG and a lossless WebP, which Herald encodes whole.
Pillow brings libjpeg-turbo and zlib-ng, OpenCV libpng and libjpeg-turbo of its own. Ends with 1 if a PNG shows anything but
the WebP, the decoders disagree about a JPEG, a file is more than 15 % larger than Pillow's, or a JPEG is farther from the
pixels than Pillow's by more than a twentieth of a decibel.
"""

import io
import re
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, features

ROOM = 1.15
NEAR = 0.05


def psnr(a, b) -> float:
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def by_pillow(data: bytes):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def by_opencv(data: bytes):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def pillows(pixels, kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG" if kind == "png" else "JPEG", **({} if kind == "png" else {"quality": 90}))
    return out.getvalue()


def weigh(folder: Path, size: str, kind: str):
    """A row of the table, and whether everything in it is as it must be."""
    wrong = {"Pillow": 0, "OpenCV": 0}
    ours = theirs = 0
    our_psnr, their_psnr = [], []
    files = sorted(folder.glob(f"{size}-*.{kind}"))
    for file in files:
        data, pixels = file.read_bytes(), by_pillow(file.with_suffix(".webp").read_bytes())
        pillow, opencv = by_pillow(data), by_opencv(data)
        peer = pillows(pixels, kind)
        ours, theirs = ours + len(data), theirs + len(peer)
        if kind == "png":
            wrong["Pillow"] += not np.array_equal(pillow, pixels)
            wrong["OpenCV"] += not np.array_equal(opencv, pixels)
        else:
            # Two builds of libjpeg-turbo may round apart by one step; damage would show as more.
            wrong["OpenCV"] += int(np.abs(pillow.astype(int) - opencv).max()) > 2
            our_psnr.append(psnr(pillow, pixels))
            their_psnr.append(psnr(by_pillow(peer), pixels))
            wrong["Pillow"] += our_psnr[-1] < their_psnr[-1] - NEAR
    count = len(files)
    said = [f"{count - wrong[name]} of {count}" for name in ("Pillow", "OpenCV")]
    quality = ["–", "–"] if kind == "png" else [f"{np.mean(v):.2f}" for v in (our_psnr, their_psnr)]
    row = [f"{size} {kind}", *said, f"{ours / count / 1000:.0f}", f"{theirs / count / 1000:.0f}", f"{(ours / theirs - 1) * 100:+.1f} %", *quality]
    return row, count > 0 and not any(wrong.values()) and ours <= theirs * ROOM


def main(folder: Path, out: Path) -> int:
    build = cv2.getBuildInformation()
    version = {name: re.search(rf"^ +{name}: .*\(ver ([\w.]+)", build, re.M) for name in ("JPEG", "PNG")}
    jpeg, png = (found[1] if (found := version[name]) else "of the system" for name in ("JPEG", "PNG"))
    libraries = f"libjpeg-turbo {jpeg}, libpng {png}"
    titles = ["files", "right in Pillow", "right in OpenCV", "KB", "Pillow's KB", "more", "PSNR, dB", "Pillow's"]
    rows = [weigh(folder, size, kind) for size in ("s", "p") for kind in ("png", "jpeg")]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" + "--:|" * (len(titles) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row, _ in rows]
    pillow = f"Pillow with libjpeg-turbo {features.version('libjpeg_turbo')}, zlib {features.version('zlib')}"
    text = "\n".join(lines) + f"\n\n{pillow}; OpenCV {cv2.__version__} with {libraries}.\n"
    print(text)
    out.write_text(text)
    return 0 if all(right for _, right in rows) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
