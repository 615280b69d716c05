"""Runs OpenCV's Haar cascade over the face set, full size as the script does and shrunk to 320 px.

    python faces/opencv.py SET OUT.json

One OpenCV thread; CPU time is of detection alone (grey conversion, shrinking, cascade), files are decoded before.
Boxes are written in the file's own pixels; scoring is the Rust side's, the same for every detector.
"""

import json
import resource
import sys
from pathlib import Path

import cv2


def cpu_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000


def haar(cascade, bgr, longest):
    scale = 1.0 if longest is None else min(1.0, longest / max(bgr.shape[:2]))
    if scale < 1:
        bgr = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    boxes = cascade.detectMultiScale(gray, scaleFactor=1.1, minNeighbors=5)
    return [[float(v) / scale for v in box] for box in boxes]


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    cv2.setNumThreads(1)
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    files = [entry["file"] for entry in json.loads((folder / "truth.json").read_text())]
    detectors = []
    for name, longest in ((f"OpenCV {cv2.__version__} Haar, full size", None), ("OpenCV Haar, shrunk to 320 px", 320)):
        boxes, ms = {}, {}
        for file in files:
            picture = cv2.imread(str(folder / file))
            start = cpu_ms()
            boxes[file] = haar(cascade, picture, longest)
            ms[file] = cpu_ms() - start
        detectors.append({"name": name, "boxes": boxes, "cpu_ms": ms})
    out.write_text(json.dumps(detectors))


if __name__ == "__main__":
    main()
