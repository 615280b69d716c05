"""Makes the face set: portraits in fifteen variants, pairs, and pictures without a face, with their truth.

    python faces/make.py OUT --group RUSTFACE_TEST_PNG [--photo FILE]...

The portraits come from photographs that registry packages carry and are not kept in this repository:

* the 1927 group photograph in the `rustface` crate (29 people; the frames drawn on it are painted out first),
* scikit-image's astronaut and matplotlib's Grace Hopper (both U.S. government works, public domain).

The pictures without a face are scikit-image's and scikit-learn's sample photographs, faceless parts of the group
photograph, and drawings made here from a fixed seed. OUT/truth.json lists every file with its face square, or null.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import qrcode
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
FACE = 180  # side of the face in a plain portrait, px
WIDTH, HEIGHT = 612, 765  # a plain portrait
CENTRE = (WIDTH * 0.5, HEIGHT * 0.44)


def place(source: np.ndarray, face, scale=1.0, angle=0.0, size=(WIDTH, HEIGHT), centre=CENTRE, border=cv2.BORDER_REFLECT) -> np.ndarray:
    """The source turned, scaled and moved so that its face is FACE * scale wide around `centre`."""
    left, top, side = face
    cx, cy = left + side / 2, top + side / 2
    matrix = cv2.getRotationMatrix2D((cx, cy), angle, FACE * scale / side)
    matrix[:, 2] += np.array(centre) - (cx, cy)
    shrinking = FACE * scale / side < 1
    return cv2.warpAffine(source, matrix, size, flags=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC, borderMode=border)


def alone(group: np.ndarray, faces, index: int) -> np.ndarray:
    """The group photograph with everyone but one person faded out: their neighbours would be faces too."""
    height, width = group.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)

    def distance(face):
        left, top, side = face
        return np.hypot((x - left - side / 2) / side, (y - top - side / 2) / side / 1.15)

    own = distance(faces[index])
    others = np.min([distance(f) for i, f in enumerate(faces) if i != index], axis=0)
    left, top, side = faces[index]
    shoulders = (y > top + side * 1.15) & (np.abs(x - left - side / 2) < side * 1.6)
    keep = np.clip((others - own) * 6, 0, 1) * np.where(shoulders, np.clip((others - 0.75) * 6, 0, 1), np.clip((1.7 - own) * 2, 0, 1))
    # A face already covered by a neighbour stays covered: the core of the own face is always kept.
    keep = np.maximum(keep, np.clip((0.62 - own) * 6, 0, 1))
    keep = cv2.GaussianBlur(keep.astype(np.float32), (0, 0), 2)[..., None]
    wall = (150 - 60 * (y / height))[..., None].repeat(3, 2)
    return (group * keep + wall * (1 - keep)).astype(np.uint8)


def variants(source, face, rng):
    """Name, picture, face square and JPEG quality of each variant."""
    square = lambda s=1.0, c=CENTRE: [c[0] - FACE * s / 2, c[1] - FACE * s / 2, FACE * s]  # noqa: E731
    plain = place(source, face)
    as_float = plain.astype(np.float32)
    yield "plain", plain, square(), 92
    small = cv2.resize(plain, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
    yield "small", small, [v * 0.45 for v in square()], 92
    for angle in (10, -10, 20, -20):
        yield f"turn{angle:+d}", place(source, face, angle=angle), square(), 92
    yield "dark", (as_float * 0.22).astype(np.uint8), square(), 92
    yield "low-contrast", (as_float * 0.25 + 105).astype(np.uint8), square(), 92
    yield "blur", cv2.GaussianBlur(plain, (0, 0), 7), square(), 92
    mirrored = square()
    mirrored[0] = WIDTH - mirrored[0] - mirrored[2]
    yield "mirror", plain[:, ::-1].copy(), mirrored, 92
    yield "noise", (as_float + rng.normal(0, 28, plain.shape)).clip(0, 255).astype(np.uint8), square(), 92
    ramp = np.linspace(0.12, 1.35, WIDTH, dtype=np.float32)[None, :, None]
    yield "side-light", (as_float * ramp).clip(0, 255).astype(np.uint8), square(), 92
    yield "jpeg15", plain, square(), 15
    close = (300, 300)
    yield "close", place(source, face, scale=2.1, size=(600, 600), centre=close), square(2.1, close), 92
    away = (330, 300)
    yield "far", place(source, face, scale=0.5, size=(660, 825), centre=away, border=cv2.BORDER_REPLICATE), square(0.5, away), 92


def drawings(rng):
    """Pictures without a face, drawn."""
    w, h = 640, 800

    def canvas(colour=(235, 230, 220)):
        image = Image.new("RGB", (w, h), colour)
        return image, ImageDraw.Draw(image)

    def colour():
        return tuple(int(v) for v in rng.integers(20, 236, 3))

    for i, text in enumerate(("https://example.org/i/1", "a longer text that makes a denser code " * 3)):
        yield f"qr{i}", qrcode.make(text).convert("RGB").resize((640, 640), Image.NEAREST)
    image, draw = canvas((60, 60, 66))
    for _ in range(60):
        x, y, r = rng.integers(0, w), rng.integers(0, h), rng.integers(10, 120)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour(), outline=colour(), width=4)
    yield "circles", image
    image, draw = canvas()
    for ring in range(30):
        draw.ellipse((320 - ring * 18, 400 - ring * 18, 320 + ring * 18, 400 + ring * 18), outline=(40, 40, 90), width=6)
    yield "rings", image
    for i, (mortar, base) in enumerate((((200, 195, 188), (150, 70, 50)), ((90, 90, 90), (180, 170, 150)))):
        image, draw = canvas(mortar)
        for row in range(26):
            for column in range(-1, 9):
                shade = int(rng.integers(-25, 25))
                x = column * 84 + (row % 2) * 42
                draw.rectangle((x, row * 32, x + 78, row * 32 + 26), fill=tuple(c + shade for c in base))
        yield f"bricks{i}", image
    y, x = np.mgrid[0:h, 0:w]
    yield "gradient", Image.fromarray(np.stack([y / h * 255, x / w * 255, (x + y) / (w + h) * 255], -1).astype(np.uint8))
    yield "radial", Image.fromarray((255 - np.hypot(x - w / 2, y - h / 2) / 2).clip(0, 255).astype(np.uint8)).convert("RGB")
    yield "noise", Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8))
    for i, sigma in enumerate((4, 12, 30)):
        field = cv2.GaussianBlur(rng.normal(0, 1, (h, w)).astype(np.float32), (0, 0), sigma)
        yield f"clouds{i}", Image.fromarray(cv2.normalize(field, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)).convert("RGB")
    yield "stripes", Image.fromarray(((x // 20 % 2) * 200 + 30).astype(np.uint8)).convert("RGB")
    yield "plaid", Image.fromarray(np.stack([(x // 40 % 2) * 120 + 60, (y // 40 % 2) * 120 + 60, ((x + y) // 30 % 2) * 90 + 70], -1).astype(np.uint8))
    yield "checks", Image.fromarray((((x // 32 + y // 32) % 2) * 255).astype(np.uint8)).convert("RGB")
    wood = np.sin((x + 14 * np.sin(y / 70)) / 6) * 25 + np.sin(x / 31 + y / 400) * 30
    yield "wood", Image.fromarray(np.stack([150 + wood, 105 + wood * 0.8, 65 + wood * 0.6], -1).clip(0, 255).astype(np.uint8))
    import matplotlib

    font = lambda size: ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans-Bold.ttf"), size)  # noqa: E731
    words = "the quick brown fox jumps over a lazy dog while seven wizards vex the harbour master".split()
    for i, size in enumerate((18, 44)):
        image, draw = canvas()
        for row in range(h // (size + 8)):
            draw.text((20, row * (size + 8)), " ".join(rng.choice(words, 14)), font=font(size), fill=(30, 30, 40))
        yield f"page{i}", image
    for i, letters in enumerate(("AB", "OO", "8")):
        image, draw = canvas(colour())
        draw.text((w / 2, h / 2), letters, font=font(260), fill=(255, 255, 255), anchor="mm")
        yield f"initials{i}", image
    image, draw = canvas((40, 26, 80))
    for _ in range(700):
        cx, cy, s = rng.integers(0, w), rng.integers(0, h), rng.integers(4, 14)
        draw.rectangle((cx, cy, cx + s, cy + s // 2), fill=colour())
    yield "confetti", image
    image, draw = canvas((120, 130, 150))
    for row in range(10):
        for column in range(7):
            draw.rectangle((30 + column * 86, 20 + row * 78, 84 + column * 86, 76 + row * 78), fill=(240, 220, 120) if rng.random() < 0.4 else (40, 44, 60))
    yield "windows", image
    image, draw = canvas((250, 250, 250))
    for bar in range(9):
        draw.rectangle((40 + bar * 64, int(rng.integers(80, 700)), 90 + bar * 64, 760), fill=colour())
    yield "chart", image
    image, draw = canvas((220, 220, 225))
    for row in range(9):
        for column in range(7):
            draw.ellipse((40 + column * 84, 40 + row * 84, 70 + column * 84, 70 + row * 84), fill=(30, 30, 30))
    yield "dots", image
    image, draw = canvas((70, 110, 160))
    for _ in range(40):
        px, py = rng.integers(0, w), rng.integers(0, h)
        points = [(px + int(v[0]), py + int(v[1])) for v in rng.integers(-120, 120, (3, 2))]
        draw.polygon(points, fill=colour())
    yield "triangles", image


def photographs(group, extra):
    """Photographs without a face."""
    import sklearn
    from skimage import data

    for name in ("brick", "grass", "gravel", "coffee", "page", "text", "moon", "chelsea", "rocket", "hubble_deep_field", "horse", "retina", "clock", "immunohistochemistry", "cell"):
        image = getattr(data, name)()
        if image.dtype == bool:
            image = image.astype(np.uint8) * 255
        yield name.replace("_", "-"), Image.fromarray(image).convert("RGB")
    samples = Path(sklearn.__file__).parent / "datasets" / "images"
    for name in ("china", "flower"):
        yield name, Image.open(samples / f"{name}.jpg").convert("RGB")
    for i, (left, top, right, bottom) in enumerate(((0, 660, 700, 860), (300, 380, 900, 680), (900, 380, 1560, 700), (0, 880, 1666, 1136))):
        yield f"pavement{i}", Image.fromarray(group[top:bottom, left:right, ::-1])
    astronaut = data.astronaut()
    yield "suit", Image.fromarray(astronaut[230:, :])
    yield "model", Image.fromarray(astronaut[:260, 330:])
    for path in extra:
        yield path.stem, Image.open(path).convert("RGB")


def main() -> None:
    args = argparse.ArgumentParser()
    args.add_argument("out", type=Path)
    args.add_argument("--group", type=Path, required=True)
    args.add_argument("--photo", type=Path, action="append", default=[])
    args = args.parse_args()
    import matplotlib
    from skimage import data

    args.out.mkdir(parents=True, exist_ok=True)
    for old in args.out.glob("*.jpg"):
        old.unlink()
    rng = np.random.default_rng(7)
    sources = json.loads((HERE / "sources.json").read_text())
    framed = cv2.imread(str(args.group))
    frames = (framed[..., 2].astype(int) - framed[..., 1] > 40).astype(np.uint8)
    group = cv2.inpaint(framed, cv2.dilate(frames, np.ones((3, 3), np.uint8)), 2, cv2.INPAINT_TELEA)

    people = [(f"group{i:02d}", alone(group, sources["group"], i), face) for i, face in enumerate(sources["group"])]
    people.append(("astronaut", cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR), sources["astronaut"]))
    people.append(("hopper", cv2.imread(str(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")), sources["hopper"]))

    truth = []

    def write(name, bgr, quality, kind, variant, face):
        cv2.imwrite(str(args.out / f"{name}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
        truth.append({"file": f"{name}.jpg", "kind": kind, "variant": variant, "face": face})

    for name, source, face in people:
        for variant, image, square, quality in variants(source, face, rng):
            write(f"{name}-{variant}", image, quality, "portrait", variant, square)
    # Two people, one nearer: the nearer one is the answer.
    for i in range(8):
        near, far = people[(i * 7 + 29) % 31], people[(i * 11 + 3) % 31]
        left = place(near[1], near[2], scale=1.0, size=(500, 700), centre=(260, 320))
        right = place(far[1], far[2], scale=0.6, size=(300, 700), centre=(150, 300))
        write(f"pair{i}", np.hstack([left, right]), 92, "pair", "pair", [260 - FACE / 2, 320 - FACE / 2, FACE])
    for name, image in [*drawings(rng), *photographs(group, args.photo)]:
        image.thumbnail((900, 900), Image.LANCZOS)
        write(f"none-{name}", cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR), 92, "none", "none", None)
    (args.out / "truth.json").write_text(json.dumps(truth, indent=0))
    counts = {k: sum(t["kind"] == k for t in truth) for k in ("portrait", "pair", "none")}
    print("face set:", ", ".join(f"{v} {k}" for k, v in counts.items()))


if __name__ == "__main__":
    main()
