"""The script Herald replaces, written afresh: one guest, one Pillow + OpenCV pass, nothing kept between guests.

    python baseline/invite.py SCENE [--samples FOLDER]

SCENE is what scene/draw.py wrote. Says its versions in a line of JSON; then makes an invitation for each line it reads, `SIZE FORMAT MODE`, and
answers with what it took in a line of JSON. Times are CPU milliseconds (user + system, getrusage); OpenCV is held to one thread, so none are lost in
its pool. `careful` is the same script as a careful author would write it: template decoded once, PNG level 1.
"""

import argparse
import io
import json
import platform
import resource
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
    args.add_argument("--samples", type=Path, help="keep one picture per case here")
    args = args.parse_args()
    cv2.setNumThreads(1)
    guests = json.loads((args.scene / "guests.json").read_text())
    cascade = cv2.CascadeClassifier(CASCADE)
    picture = Image.open(args.scene / "profile.jpg").convert("RGB")
    cached = crop_face(picture, detect(cascade, picture))
    templates = {size: Image.open(args.scene / size / "background.png").convert("RGB") for size in ("s", "p")}
    say({"python": platform.python_version(), "pillow": PIL.__version__, "opencv": cv2.__version__, "qrcode": "8.2", "numpy": np.__version__})
    for turn, line in enumerate(sys.stdin):
        size, fmt, mode = line.split()
        guest = guests[turn % len(guests)]
        if mode == "careful":
            options = {"compress_level": 1} if fmt == "png" else {}
            stages, data = invitation(args.scene, size, fmt, guest, cascade, cached, templates[size], **options)
        else:
            stages, data = invitation(args.scene, size, fmt, guest, cascade, cached if mode == "cached" else None)
        if args.samples:
            (args.samples / f"baseline-{size}-{mode}.{fmt}").write_bytes(data)
        say({"stages_ms": stages, "kb": len(data) / 1000})


def say(what) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
