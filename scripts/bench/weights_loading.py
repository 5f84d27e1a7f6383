#!/usr/bin/env python3
"""Reading ResNet-50's weights: torch.load and load_state_dict against mlrun, from the same files, in turns.

    weights_loading.py build/release/scripts/bench/weights_loading [ROUNDS]

Exit code 0 when mlrun takes at most a third of Python's time from .pth and safetensors and adds at most 1.2 times
the file to its memory, 3 when it does not. Legacy files (before PyTorch 1.6) are not aligned and must be copied:
only their memory counts. Needs Python's torch and torchvision.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torchvision


def python_load(model, file):
    begin = time.perf_counter()
    model.load_state_dict(torch.load(file))
    return (time.perf_counter() - begin) * 1000


def main(program, rounds=7):
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = torchvision.models.resnet50()
        files = [os.path.join(folder, name) for name in ("zip.pth", "legacy.pth", "model.safetensors")]
        torch.save(model.state_dict(), files[0])
        torch.save(model.state_dict(), files[1], _use_new_zipfile_serialization=False)
        subprocess.run([program, "convert", files[0], files[2]], check=True)
        python, ours, added = {file: [] for file in files[:2]}, {file: [] for file in files}, {}
        python_load(model, files[0])
        for _ in range(rounds):
            for file in python:
                python[file].append(python_load(model, file))
            out = subprocess.run([program, "3", *files], check=True, capture_output=True, text=True).stdout
            for line in out.splitlines():
                file, milliseconds, grown = line.rsplit(" ", 2)
                ours[file].append(float(milliseconds))
                added[file] = max(added.get(file, 0), float(grown) / os.path.getsize(file))
    base = {file: statistics.median(times) for file, times in python.items()}
    base[files[2]] = base[files[0]]  # Debian has no safetensors for Python
    for file in files[:2]:
        print(f"torch.load + load_state_dict, {os.path.basename(file):12} {base[file]:8.1f} ms")
    met = True
    for file in files:
        taken = statistics.median(ours[file])
        faster = base[file] / taken
        print(f"mlrun, {os.path.basename(file):35} {taken:8.1f} ms, {faster:.1f} times as fast, "
              f"adds {added[file]:.2f} times the file")
        met = met and (faster >= 3 or file == files[1]) and added[file] <= 1.2
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:3])))
