"""Draws what both sides of the render bench share: the two backgrounds, the profile picture, the guests.

    python scene/draw.py OUT

writes the templates OUT/s and OUT/p (background.png and the template.toml that Herald reads), OUT/profile.jpg and
OUT/guests.json. Everything but the portrait is generated from a fixed seed. The portrait is `skimage.data.astronaut()`, a NASA photograph
in the public domain, as scikit-image's own wheel carries it.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
GEOMETRY = json.loads((HERE / "geometry.json").read_text())

NAMES = [
    "Ana Lima", "Björn Åkesson", "Chloé Dubois-Marchand", "Nguyễn Thị Ánh Tuyết", "Zoë Ó Briain",
    "Maximiliana Konstantinopoulou-Featherstonehaugh", "Łukasz Żółkiewski", "Ömer Çağlayan",
    "Željko Đorđević", "María José Peñalver Ibáñez", "Jo Ek", "Trần Đức Hùng", "Sigríður Þórsdóttir",
    "Ágnes Szőllősi", "Katarína Hrušková", "Peter van der Linden",
]


def font_path(name: str) -> str:
    import matplotlib

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name)


def background(width: int, height: int) -> Image.Image:
    """Gradient, confetti, a grainy photo panel, static text: some of everything an encoder meets."""
    rng = np.random.default_rng(20)
    y = np.linspace(0, 1, height)[:, None]
    x = np.linspace(0, 1, width)[None, :]
    top, bottom, side = (np.array(c, float) for c in ((46, 26, 92), (156, 39, 92), (20, 60, 110)))
    blend = (1 - y)[..., None] * top + y[..., None] * bottom
    blend = blend + (x * (1 - y) * 0.5)[..., None] * (side - top)
    image = Image.fromarray(blend.clip(0, 255).astype(np.uint8), "RGB")
    draw = ImageDraw.Draw(image)

    unit = width / 1080
    palette = [(255, 214, 102), (255, 111, 97), (120, 220, 232), (168, 230, 163), (255, 255, 255)]
    for _ in range(420):
        cx, cy = rng.random() * width, rng.random() ** 1.6 * height * 0.62
        size = (4 + 10 * rng.random()) * unit
        angle = rng.random() * np.pi
        dx, dy = np.cos(angle) * size, np.sin(angle) * size
        corners = [(cx + dx, cy + dy), (cx - dy * 0.5, cy + dx * 0.5), (cx - dx, cy - dy), (cx + dy * 0.5, cy - dx * 0.5)]
        draw.polygon(corners, fill=palette[rng.integers(len(palette))])

    # The photo panel: hills under a sky with film grain, which is what makes PNG expensive.
    left, right, upper, lower = 0, int(width * 0.66), int(height * 0.62), int(height * 0.95)
    panel_w, panel_h = right - left, lower - upper
    px = np.linspace(0, 9, panel_w)[None, :]
    py = np.linspace(0, 1, panel_h)[:, None]
    photo = np.stack([190 - 70 * py + 0 * px, 150 - 40 * py + 0 * px, 130 + 40 * py + 0 * px], -1)
    for layer in range(4):
        ridge = 0.35 + 0.16 * layer + 0.07 * np.sin(px * (1.1 + 0.5 * layer) + layer * 2.1) + 0.02 * np.sin(px * 7 + layer)
        shade = np.array([110 - 24 * layer, 90 - 14 * layer, 110 - 20 * layer], float)
        photo = np.where((py > ridge)[..., None], shade + 30 * (py - ridge)[..., None], photo)
    photo += rng.normal(0, 5.0, (panel_h, panel_w, 1)) + rng.normal(0, 2.0, (panel_h, panel_w, 3))
    image.paste(Image.fromarray(photo.clip(0, 255).astype(np.uint8), "RGB"), (left, upper))

    draw.rectangle((0, upper - 6 * unit, right, upper), fill=(255, 214, 102))
    bold = font_path("DejaVuSans-Bold.ttf")
    text = [(0.055, 54, "YOU ARE INVITED"), (0.10, 26, "The Harbour Lights Evening · 14 June · Pier Nine"), (0.965, 20, "example.org · doors open at seven")]
    for at, size, words in text:
        font = ImageFont.truetype(bold, round(size * unit))
        draw.text((width / 2, height * at), words, font=font, fill=(255, 255, 255), anchor="mm")
    # A white plate for the code.
    qr = GEOMETRY["qr"]
    qx, qy, side_px = qr["corner"][0] * width, qr["corner"][1] * height, qr["side"] * width
    draw.rounded_rectangle((qx - 12 * unit, qy - 12 * unit, qx + side_px + 12 * unit, qy + side_px + 12 * unit), 16 * unit, fill=(255, 255, 255))
    return image


def manifest(width: int, height: int) -> str:
    """The same boxes as the script reads from geometry.json, in pixels."""

    def area(left, top, right, bottom):
        return f"[{round(left)}, {round(top)}, {round(right) - round(left)}, {round(bottom) - round(top)}]"

    def text(kind, slot, extra=""):
        left, top, right, bottom = slot["box"]
        colour = "#" + "".join(f"{c:02x}" for c in slot["colour"])
        return (
            f'[[slot]]\nkind = "{kind}"\n{extra}box = {area(left * width, top * height, right * width, bottom * height)}\n'
            f'font = "DejaVu Sans"\nbold = true\nsize = {round(slot["size"] * width)}\nmin_size = {round(slot["min_size"] * width)}\n'
            f'align = "center"\nvalign = "middle"\ncolor = "{colour}"\n'
        )

    picture, qr = GEOMETRY["picture"], GEOMETRY["qr"]
    side = round(picture["diameter"] * width)
    left, top = round(picture["centre"][0] * width - side / 2), round(picture["centre"][1] * height - side / 2)
    code = round(qr["side"] * width)
    code_left, code_top = (round(c * v) for c, v in zip(qr["corner"], (width, height)))
    return "\n".join((
        'name = "Bench"\nbackground = "background.png"\n',
        f'[[slot]]\nkind = "picture"\nshape = "circle"\nbox = [{left}, {top}, {side}, {side}]\n',
        text("text", GEOMETRY["name"], 'field = "name"\n'),
        text("number", GEOMETRY["number"]),
        f'[[slot]]\nkind = "qr"\nbox = [{code_left}, {code_top}, {code}, {code}]\n',
    ))


def main(out: Path) -> None:
    from skimage import data

    for name, (width, height) in GEOMETRY["sizes"].items():
        (out / name).mkdir(parents=True, exist_ok=True)
        background(width, height).save(out / name / "background.png")
        (out / name / "template.toml").write_text(manifest(width, height))
    portrait = Image.fromarray(data.astronaut()).resize((1024, 1024), Image.LANCZOS)
    portrait.save(out / "profile.jpg", quality=90)
    guests = [
        {"name": name, "number": f"No. {i * 7919 % 100000:05d}", "link": f"https://example.org/i/{i:04d}-3fJx9Qk2Lr7TzVbN5mWc"}
        for i, name in enumerate(NAMES)
    ]
    (out / "guests.json").write_text(json.dumps(guests, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
