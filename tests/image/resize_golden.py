#!/usr/bin/env python3
"""Writes resize_golden.h: what Pillow makes of pictures that the test builds, too. Needs Pillow 12: 13 goes down
before across for some shapes, the last three of SIZES among them, and gets other levels."""
import hashlib
import os
import PIL
from PIL import Image

SIZES = [  # in width, height -> out width, height
    (64, 64, 71, 71), (64, 64, 94, 94), (71, 71, 64, 64), (128, 128, 64, 64), (256, 256, 64, 64),
    (100, 64, 64, 64), (64, 100, 64, 64), (37, 23, 64, 64), (64, 64, 37, 23), (300, 200, 32, 512),
    (1, 1, 16, 16), (16, 16, 1, 1), (2, 3, 5, 4), (1, 40, 7, 40), (40, 1, 40, 9), (257, 129, 64, 32),
    (512, 17, 33, 128), (64, 64, 65, 64), (64, 64, 64, 65), (1000, 3, 3, 1000),
    (75, 100, 52, 52), (30, 80, 16, 16), (375, 500, 256, 256),
]


def pixels(kind, count):
    """noise: bytes of a linear congruential generator; ink: the same as 0 or 255, which overshoots most."""
    state, out = 12345, bytearray()
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        v = state >> 16 & 0xFF
        out.append(v if kind == "noise" else 255 if v >= 128 else 0)
    return bytes(out)


def sha(image):
    return hashlib.sha256(image.tobytes()).hexdigest()


def main():
    if int(PIL.__version__.split(".")[0]) > 12:
        raise SystemExit("needs Pillow 12 (pip install 'pillow<13'): later ones go down before across for some shapes")
    lines = [f"/* Made by resize_golden.py with Pillow {PIL.__version__}: SHA-256 of the pixels. */",
             "static const struct resize_case resize_cases[] = {"]
    for kind in ("noise", "ink"):
        for channels, mode in ((1, "L"), (3, "RGB")):
            for w, h, ow, oh in SIZES:
                image = Image.frombytes(mode, (w, h), pixels(kind, w * h * channels))
                out = image.resize((ow, oh), Image.Resampling.BICUBIC)
                ink = "true" if kind == "ink" else "false"
                lines.append(f'    {{{ink}, {channels}, {w}, {h}, {ow}, {oh}, "{sha(out)}"}},')
    lines.append("};")
    image = Image.frombytes("RGB", (256, 256), pixels("noise", 256 * 256 * 3))
    lines.append(f'static const char grey_golden[] = "{sha(image.convert("L"))}";')
    small = image.convert("L").resize((64, 48), Image.Resampling.BICUBIC)
    lines.append(f'static const char grey_then_resize_golden[] =\n    "{sha(small)}";')
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "resize_golden.h"), "w") as f:
        f.write("\n".join(lines) + "\n")


main()
