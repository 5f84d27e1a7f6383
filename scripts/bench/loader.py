#!/usr/bin/env python3
"""The input pipeline against torchvision's DataLoader with Pillow: the same 640x480 JPEGs, two workers each, in turns.

    loader.py build/release/scripts/bench/loader PHOTOS [ROUNDS] [QUALITY]

PHOTOS is a folder with photographs (JPEG), at any depth; a few hundred crops of 640x480 are made of them in a temporary
folder, with the JPEG quality given (default 90). Measured are the presets of published classifiers: evaluation (resize
256, centre crop 224, normalize), whose values must be the same bits, and training (random resized crop, flip,
normalize), exact and with data.scaled_decoding. Figures are images per second: the median over ROUNDS (default 5), and
the median of the rounds' ratios. Exit code 0 when the ratios are at least 3 for evaluation and 4 for training with
scaled decoding, 3 when not. Needs Python's torch and torchvision, and two processors.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import torch
from torchvision import datasets, transforms

import ratios
from photos import make_images

IMAGES, BATCH, WORKERS = 384, 32, 2
NORMALIZE = [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
PRESETS = {
    "eval": transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), *NORMALIZE]),
    "train": transforms.Compose([transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), *NORMALIZE]),
}


def python_round(folder, preset):
    data = datasets.ImageFolder(folder, PRESETS[preset])
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, num_workers=WORKERS, persistent_workers=True)
    for _ in range(2):  # the first round starts the workers
        begin = time.perf_counter()
        images = sum(len(labels) for _, labels in loader)
    return images / (time.perf_counter() - begin)


def our_round(program, folder, preset):
    out = subprocess.run([program, folder, preset, str(WORKERS), str(BATCH), "2"], check=True, capture_output=True, text=True)
    return float(out.stdout.split()[-1])  # the first round warms up


def same_bits(program, folder):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([program, folder, "dump", file.name], check=True)
        ours = numpy.fromfile(file.name, numpy.float32).reshape(-1, 3, 224, 224)
    data = datasets.ImageFolder(folder, PRESETS["eval"])
    return len(ours) == len(data) and all(numpy.array_equal(ours[i], data[i][0].numpy()) for i in range(len(data)))


def main(program, photos, rounds=5, quality=90):
    torch.set_num_threads(1)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = make_images(Path(photos), folder, IMAGES, quality)
        print(f"{IMAGES} JPEGs of 640x480, quality {quality}, {size / 1000:.0f} kB on average")
        equal = same_bits(program, folder)
        print(f"evaluation's values are {'the same bits' if equal else 'DIFFERENT'}")
        python, ours = {preset: [] for preset in PRESETS}, {preset: [] for preset in (*PRESETS, "train-scaled")}
        for _ in range(rounds):
            for preset in PRESETS:
                python[preset].append(python_round(folder, preset))
                for name in ours:
                    if name.startswith(preset):
                        ours[name].append(our_round(program, folder, name))
    met = equal
    for name, figures in ours.items():
        peer = python[name.split("-")[0]]
        taken = ratios.spread([other / own for own, other in zip(figures, peer)])
        mark = {"eval": 3, "train": 0, "train-scaled": 4}[name]
        at_most = 1 / mark if mark else None
        met = ratios.note(f"loading, {name}, 2 workers", "DataLoader + Pillow", taken, at_most) and met
        print(f"{name:13} torchvision {statistics.median(peer):6.0f} images/s, mlrun {statistics.median(figures):6.0f}, "
              f"{1 / taken[0]:.2f} times as fast" + (f" (mark: {mark})" if mark else ""))
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3], *map(int, sys.argv[3:5])))
