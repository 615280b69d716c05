"""The script Herald replaces, written afresh: one guest, one Pillow + OpenCV pass, nothing kept between guests.

    python baseline/invite.py SCENE OUT.json [--iterations N]

SCENE is what scene/draw.py wrote. Times are CPU milliseconds (user + system, getrusage), the median of N guests;
OpenCV is held to one thread, so none are lost in its pool. `careful` is the same script as a careful author would
write it: template decoded once, PNG level 1.
"""

import argparse
import io
import json
import platform
import resource
import statistics
import sys
from pathlib import Path

import cv2
import numpy as np
import PIL
import qrcode
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parent.parent / "scene"))
from draw import GEOMETRY, font_path  # noqa: E402

CASCADE = cv2.data.haarcascades + "haarcascade_frontalface_default.xml"
FONT = font_path("DejaVuSans-Bold.ttf")


def cpu_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000


class Stages:
    """CPU time per named stage of one invitation."""

    def __init__(self):
        self.ms = {}
        self.last = cpu_ms()

    def mark(self, name):
        now = cpu_ms()
        self.ms[name] = self.ms.get(name, 0) + now - self.last
        self.last = now


def detect(cascade, rgb: Image.Image):
    gray = cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2GRAY)
    boxes = cascade.detectMultiScale(gray, scaleFactor=1.1, minNeighbors=5)
    return max(boxes, key=lambda b: b[2] * b[3], default=None)


def crop_face(picture: Image.Image, box) -> Image.Image:
    if box is None:
        side = min(picture.size)
        x, y = (picture.width - side) // 2, (picture.height - side) // 2
        return picture.crop((x, y, x + side, y + side))
    x, y, w, h = (int(v) for v in box)
    margin = int(0.4 * w)
    return picture.crop((max(0, x - margin), max(0, y - margin), min(picture.width, x + w + margin), min(picture.height, y + h + margin)))


def paste_circle(canvas: Image.Image, face: Image.Image) -> None:
    slot = GEOMETRY["picture"]
    side = round(slot["diameter"] * canvas.width)
    face = face.resize((side, side), Image.LANCZOS)
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), fill=255)
    x = round(slot["centre"][0] * canvas.width - side / 2)
    y = round(slot["centre"][1] * canvas.height - side / 2)
    canvas.paste(face, (x, y), mask)


def draw_text(draw: ImageDraw.ImageDraw, canvas: Image.Image, slot, words: str) -> None:
    left, top, right, bottom = (f * (canvas.width if i % 2 == 0 else canvas.height) for i, f in enumerate(slot["box"]))
    size = round(slot["size"] * canvas.width)
    smallest = slot["min_size"] * canvas.width
    font = ImageFont.truetype(FONT, size)
    while draw.textlength(words, font=font) > right - left and size > smallest:
        size -= 2
        font = ImageFont.truetype(FONT, size)
    draw.text(((left + right) / 2, (top + bottom) / 2), words, font=font, fill=tuple(slot["colour"]), anchor="mm")


def paste_code(canvas: Image.Image, link: str) -> None:
    code = qrcode.QRCode(box_size=10, border=4)
    code.add_data(link)
    code.make(fit=True)
    side = round(GEOMETRY["qr"]["side"] * canvas.width)
    image = code.make_image(fill_color="black", back_color="white").convert("RGB").resize((side, side))
    corner = GEOMETRY["qr"]["corner"]
    canvas.paste(image, (round(corner[0] * canvas.width), round(corner[1] * canvas.height)))


def encode(canvas: Image.Image, fmt: str, **options) -> bytes:
    out = io.BytesIO()
    if fmt == "png":
        canvas.save(out, "PNG", **options)
    else:
        canvas.save(out, "JPEG", quality=90)
    return out.getvalue()


def invitation(scene: Path, size: str, fmt: str, guest, cascade, cached_face, template=None, **options):
    """One invitation; `cached_face` skips decode and detection, `template` skips opening the background."""
    stages = Stages()
    if template is None:
        canvas = Image.open(scene / size / "background.png").convert("RGB")
    else:
        canvas = template.copy()
    stages.mark("template")
    face = cached_face
    if face is None:
        picture = Image.open(scene / "profile.jpg").convert("RGB")
        stages.mark("profile")
        box = detect(cascade, picture)
        stages.mark("detect")
        face = crop_face(picture, box)
    paste_circle(canvas, face)
    stages.mark("picture")
    draw = ImageDraw.Draw(canvas)
    draw_text(draw, canvas, GEOMETRY["name"], guest["name"])
    draw_text(draw, canvas, GEOMETRY["number"], guest["number"])
    stages.mark("text")
    paste_code(canvas, guest["link"])
    stages.mark("qr")
    data = encode(canvas, fmt, **options)
    stages.mark("encode")
    return stages.ms, data


def main() -> None:
    args = argparse.ArgumentParser()
    args.add_argument("scene", type=Path)
    args.add_argument("out", type=Path)
    args.add_argument("--iterations", type=int, default=11)
    args.add_argument("--samples", type=Path, help="keep one picture per case here")
    args = args.parse_args()
    cv2.setNumThreads(1)
    guests = json.loads((args.scene / "guests.json").read_text())
    cascade = cv2.CascadeClassifier(CASCADE)
    picture = Image.open(args.scene / "profile.jpg").convert("RGB")
    cached = crop_face(picture, detect(cascade, picture))
    cases = []
    for size in ("s", "p"):
        template = Image.open(args.scene / size / "background.png").convert("RGB")
        for fmt in ("png", "jpeg"):
            for mode in ("detect", "cached", "careful"):
                runs = []
                for i in range(args.iterations + 1):
                    guest = guests[i % len(guests)]
                    if mode == "careful":
                        run = invitation(args.scene, size, fmt, guest, cascade, cached, template, **({"compress_level": 1} if fmt == "png" else {}))
                    else:
                        run = invitation(args.scene, size, fmt, guest, cascade, cached if mode == "cached" else None)
                    runs.append(run)
                del runs[0]  # the first warms caches
                stages = {k: statistics.median(r[0][k] for r in runs) for k in runs[0][0]}
                whole = statistics.median(sum(r[0].values()) for r in runs)
                kb = statistics.median(len(r[1]) for r in runs) / 1000
                cases.append({"size": size, "format": fmt, "mode": mode, "whole_ms": whole, "kb": kb, "stages_ms": stages})
                if args.samples:
                    args.samples.mkdir(parents=True, exist_ok=True)
                    (args.samples / f"baseline-{size}-{mode}.{fmt}").write_bytes(runs[-1][1])
                print(f"baseline {size} {fmt:4} {mode:7} {whole:8.1f} ms {kb:7.0f} KB  " + "  ".join(f"{k} {v:.1f}" for k, v in stages.items()), flush=True)
    versions = {"python": platform.python_version(), "pillow": PIL.__version__, "opencv": cv2.__version__, "qrcode": "8.2", "numpy": np.__version__}
    args.out.write_text(json.dumps({"versions": versions, "iterations": args.iterations, "cases": cases}, indent=1))


if __name__ == "__main__":
    main()
