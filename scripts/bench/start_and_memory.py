#!/usr/bin/env python3
"""How soon a training begins and how much memory it takes, against the Python reference in turns.

    start_and_memory.py MLRUN PHOTOS [--rounds 3] [--models NAME,NAME]

Of the photographs (JPEG) in PHOTOS, at any depth, small JPEGs are made in a temporary folder; both sides train on them with
two loading workers and two compute threads (reference_trainer.py; mlrun with the same recipe). Start: seconds from the
start of the command until its first batch enters forward, ResNet-18 at 32 px. Memory: the largest sum of proportional set
sizes (PSS) over the process and its children while it trains for some epochs. Figures are medians over the rounds,
ratios the medians of the rounds' ratios. Exit code 0 when the start takes at most half the reference's time and
ResNet-18's memory is at most 0.85 of its, 3 when not.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from PIL import Image

import ratios

HERE = Path(__file__).resolve().parent
# Pixels, batch, images, epochs: memory is at its most from the second step on.
SIZES = {"resnet18": (32, 128, 1024, 2), "mobilenet_v3_large": (224, 32, 96, 1), "vit_b_16": (224, 8, 24, 1)}
RECIPE = """\
task: classification
model: {name}
data:
  root: {folder}
  format: image_folder
  split: {{train: 1, val: 0, test: 0}}
  augment: [{{name: random_resized_crop, size: {size}}}, random_horizontal_flip, normalize]
train: {{epochs: {epochs}, batch_size: {batch}, threads: 2, workers: 2}}
optimizer: {{name: sgd, lr: 0.01, momentum: 0.9, weight_decay: 1e-5}}
"""


def make_images(photos, folder, size, count):
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
    sources = [Image.open(path).convert("RGB") for path in sorted(photos.rglob("*.jpg"))][:64]
    for i in range(count):
        sources[i % len(sources)].resize((size, size)).save(folder / "ab"[i % 2] / f"{i:04}.jpg")


def tree_pss(pid):
    """Megabytes; 0 where the process has ended."""
    total, left = 0, [pid]
    while left:
        one = left.pop()
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            for thread in os.listdir(f"/proc/{one}/task"):
                left += map(int, Path(f"/proc/{one}/task/{thread}/children").read_text().split())
        except OSError:
            pass
    return total / 1024


def command_of(peer, program, folder, name, epochs, out):
    size, batch = SIZES[name][:2]
    if peer != "mlrun":
        return ["/usr/bin/python3", "-W", "ignore", HERE / "reference_trainer.py", folder, name, str(size), str(batch),
                str(epochs), "2", "2", peer]
    recipe = out / "recipe.yaml"
    recipe.write_text(RECIPE.format(folder=folder, name=name, size=size, batch=batch, epochs=epochs))
    return [program, "train", recipe, "--out", out / "run", "--log-level", "debug"]


def start_time(command):
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        found = next((time.perf_counter() - begin for line in process.stdout if "first batch" in line), None)
        process.kill()
        process.stdout.read()
    if found is None:
        sys.exit("start_and_memory.py: " + " ".join(map(str, command)) + " did not begin")
    return found


def peak_memory(command):
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        peak, done = 0, threading.Event()
        while process.poll() is None:
            peak = max(peak, tree_pss(process.pid))
            done.wait(0.05)
    if process.returncode != 0:
        sys.exit("start_and_memory.py: " + " ".join(map(str, command)) + " failed")
    return peak


def rounds_of(measured, o, folder, name, epochs):
    found = []
    for _ in range(o.rounds):
        one = {}
        for peer in ("defaults", "best", "mlrun"):
            with tempfile.TemporaryDirectory() as out:
                one[peer] = measured(command_of(peer, o.mlrun, folder, name, epochs, Path(out)))
        found.append(one)
    return found


def show(what, unit, rounds, mark=None):
    """Prints the medians; whether the mark against the reference at its defaults is met."""
    print(f"{what}: mlrun {statistics.median(one['mlrun'] for one in rounds):.2f} {unit}")
    met = True
    for peer in ("defaults", "best"):
        found = ratios.spread([one["mlrun"] / one[peer] for one in rounds])
        met = ratios.note(what, "reference, " + peer, found, mark if peer == "defaults" else None) and met
        print(f"  reference, {peer:8} {statistics.median(one[peer] for one in rounds):8.2f} {unit}; mlrun's is "
              f"{found[0]:.2f} of it ({found[1]:.2f} to {found[2]:.2f})", flush=True)
    return met


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("mlrun")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", default="resnet18,mobilenet_v3_large,vit_b_16")
    o = parser.parse_args()
    met = True
    with tempfile.TemporaryDirectory() as work:
        for name in o.models.split(","):
            size, batch, count, epochs = SIZES[name]
            folder = Path(work) / name
            make_images(o.photos, folder, size, count)
            small = name == "resnet18"
            if small:
                met = show("start to the first batch", "s", rounds_of(start_time, o, folder, name, 1), 0.5) and met
            what = f"peak memory while training {name}, {size} px, batch {batch}"
            met = show(what, "MB", rounds_of(peak_memory, o, folder, name, epochs), 0.85 if small else None) and met
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main())
