#!/usr/bin/env python3
"""Runs TorchScript archives in Python on the samples that lie beside them and compares its outputs with the model's.

    torchscript.py [--tolerance 1e-5] FILE.pt...

Beside each file lies FILE.golden.safetensors (of older versions golden.safetensors), as `mlrun export` writes it. One
line for each file; exit code 3 where an output differs by more than the tolerance's share of the largest, or batches of
1 and 3 cannot be run. For int8 models, whose steps may fall to either side, --tolerance 0.05 or so.
"""
import json
import sys
from pathlib import Path

import numpy
import torch

DTYPES = {"F32": numpy.float32, "U8": numpy.uint8}


def tensors_of(file):
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    return {name: torch.from_numpy(
        numpy.frombuffer(data[start:], DTYPES[one["dtype"]], int(numpy.prod(one["shape"])), one["data_offsets"][0])
        .reshape(one["shape"]).copy()) for name, one in header.items()}


def check(file, tolerance):
    beside = file.with_name(file.name + ".golden.safetensors")
    golden = tensors_of(beside if beside.exists() else file.parent / "golden.safetensors")
    module = torch.jit.load(file).eval()
    scale = golden["output"].abs().max().item() or 1
    differences = {}
    with torch.no_grad():
        for size in (1, 3):
            found = torch.cat([module(part) for part in golden["input"].split(size)])
            differences[size] = (found - golden["output"]).abs().max().item() / scale
    met = all(one <= tolerance for one in differences.values())
    text = ", ".join(f"batch {size}: {one:.1e}" for size, one in differences.items())
    print(f"{file.name}: {text}: {'met' if met else 'differs'}", flush=True)
    return met


def main(words):
    tolerance = 1e-5
    if words[:1] == ["--tolerance"]:
        tolerance, words = float(words[1]), words[2:]
    met = True
    for word in words:
        try:
            met = check(Path(word), tolerance) and met
        except (RuntimeError, OSError) as error:
            print(f"{word}: {str(error).splitlines()[0]}: fails")
            met = False
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
