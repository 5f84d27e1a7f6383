#!/usr/bin/env python3
"""Image operators: torchvision on PIL images against mlrun, in turns, on one image of 224 x 224 pixels, one thread.

    augment.py build/release/scripts/bench/augment IMAGE [ROUNDS]

Times are medians in milliseconds, over ROUNDS (9) turns, of the least of 20 calls (the machine may have other work).
Exit code 0 when no operator is slower than torchvision's, 3 when one is. Needs Python's torchvision and Pillow.
"""
import math
import statistics
import subprocess
import sys
import tempfile
import time

from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import functional as F

CALLS = 20
MODES = {"nearest": T.InterpolationMode.NEAREST, "bilinear": T.InterpolationMode.BILINEAR,
         "bicubic": T.InterpolationMode.BICUBIC}
DEGREES = math.degrees(math.atan(0.2))


def moving(name, mode):
    if name == "rotate":
        return lambda image: F.rotate(image, 17.0, MODES[mode])
    if name == "translate_x":
        return lambda image: F.affine(image, 0.0, [20, 0], 1.0, [0.0, 0.0], MODES[mode])
    shear = [DEGREES, 0.0] if name == "shear_x" else [0.0, DEGREES]
    return lambda image: F.affine(image, 0.0, [0, 0], 1.0, shear, MODES[mode], center=[0, 0])


def operators():
    """Keep in step with augment.cpp."""
    table = {
        "adjust_brightness": lambda image: F.adjust_brightness(image, 1.4),
        "adjust_contrast": lambda image: F.adjust_contrast(image, 0.7),
        "adjust_saturation": lambda image: F.adjust_saturation(image, 1.4),
        "adjust_sharpness": lambda image: F.adjust_sharpness(image, 1.4),
        "adjust_hue": lambda image: F.adjust_hue(image, 0.1),
        "posterize": lambda image: F.posterize(image, 4),
        "solarize": lambda image: F.solarize(image, 128),
        "autocontrast": F.autocontrast,
        "equalize": F.equalize,
        "invert": F.invert,
    }
    for mode in MODES:
        for name in ("shear_x", "shear_y", "translate_x", "rotate"):
            table[f"{name} {mode}"] = moving(name, mode)
    return table


def python_time(function, image):
    times = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        function(image)
        times.append((time.perf_counter() - begin) * 1000)
    return min(times)


def main(program, file, rounds=9):
    image = Image.open(file).convert("RGB").resize((224, 224))
    table = operators()
    theirs, ours = {name: [] for name in table}, {name: [] for name in table}
    with tempfile.NamedTemporaryFile() as pixels:
        pixels.write(image.tobytes())
        pixels.flush()
        for _ in range(rounds):
            for name, function in table.items():
                theirs[name].append(python_time(function, image))
            out = subprocess.run([program, str(CALLS), "224", "224", pixels.name], check=True, capture_output=True,
                                 text=True).stdout
            for line in out.splitlines():
                name, milliseconds = line.rsplit(" ", 1)
                ours[name].append(float(milliseconds))
    slower = []
    for name in table:
        a, b = statistics.median(theirs[name]), statistics.median(ours[name])
        print(f"{name:22} torchvision {a:7.3f} ms, mlrun {b:7.3f} ms, {a / b:5.1f} times as fast")
        if b > a:
            slower.append(name)
    print("slower: " + ", ".join(slower) if slower else "met: no operator is slower")
    return 3 if slower else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3], *map(int, sys.argv[3:4])))
