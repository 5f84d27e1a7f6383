#!/usr/bin/env python3
"""Training with its whole pipeline against the Python reference: MobileNetV3-Large at 224 px, batches of 32.

    train_images.py build/release/mlrun PHOTOS [ROUNDS]

PHOTOS is a folder with photographs (JPEG), at any depth, of which 192 JPEGs of 640x480 are made in a temporary folder.
Both sides read them from there: decoding, random resized crop, flip, normalization, forward, backward and a step of SGD
with momentum, two loading workers and two compute threads on two processors. The reference is what torchvision's
training script does, with DataLoader and Pillow (reference_trainer.py): with its default settings (NCHW), and at its best
(channels-last, gradients set to None). mlrun is the executable with nothing set but the recipe; it measures the memory
format itself. Figures are images per second in the second epoch, by turns: the median over ROUNDS (default 3), smallest and largest,
and the median of the rounds' ratios. Exit code 0 when mlrun is at least 1.8 times as fast as the default settings and
1.1 times as the best, 3 when not. Needs Python's torch and torchvision, and two processors.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import ratios
from photos import make_images

HERE = Path(__file__).resolve().parent
IMAGES, BATCH, WORKERS, THREADS = 192, 32, 2, 2
MARKS = {"defaults": 1.8, "best": 1.1}
RECIPE = """\
task: classification
model: mobilenet_v3_large
data:
  root: {folder}
  format: image_folder
  split: {{train: 1, val: 0, test: 0}}
  augment: classification_train
train: {{epochs: 2, batch_size: {batch}, memory_format: auto}}
optimizer: {{name: sgd, lr: 0.01, momentum: 0.9, weight_decay: 1e-5}}
"""


def python_round(folder, settings):
    command = ["/usr/bin/python3", "-W", "ignore", HERE / "reference_trainer.py", folder, "mobilenet_v3_large", "224"]
    command += [*map(str, (BATCH, 2, WORKERS, THREADS)), settings]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def our_round(program, folder, out):
    recipe = out / "recipe.yaml"
    recipe.write_text(RECIPE.format(folder=folder, batch=BATCH))
    command = [program, "train", recipe, "--out", out / "run", "--quiet"]
    command += ["--threads", str(THREADS), "--workers", str(WORKERS)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    epochs = [json.loads(line) for line in (out / "run" / "metrics.jsonl").read_text().splitlines()]
    choice = json.loads((out / "run" / "run.json").read_text())["choices"]["memory_format"]
    return [line["images_per_s"] for line in epochs if "images_per_s" in line][-1], choice


def shown(figures):
    return f"{statistics.median(figures):5.1f} images/s ({min(figures):.1f} to {max(figures):.1f})"


def main(program, photos, rounds=3):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    python, ours = {name: [] for name in MARKS}, []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "images"
        folder.mkdir()
        size = make_images(Path(photos), folder, IMAGES)
        print(f"{IMAGES} JPEGs of 640x480, {size / 1000:.0f} kB on average")
        for i in range(rounds):
            for settings, figures in python.items():
                figures.append(python_round(folder, settings))
            out = Path(name) / str(i)
            out.mkdir()
            speed, choice = our_round(program, folder, out)
            ours.append(speed)
    print(f"mlrun                  {shown(ours)}, memory format {choice}")
    met = True
    for settings, figures in python.items():
        taken, mark = ratios.spread([other / own for own, other in zip(ours, figures)]), MARKS[settings]
        what = "training with its pipeline, mobilenet_v3_large"
        met = ratios.note(what, "reference, " + settings, taken, 1 / mark) and met
        print(f"torchvision, {settings:8}  {shown(figures)}, mlrun is {1 / taken[0]:.2f} times as fast (mark: {mark})")
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3], *map(int, sys.argv[3:4])))
