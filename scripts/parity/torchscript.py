#!/usr/bin/env python3
"""Runs TorchScript archives in Python on the samples that lie beside them and compares its outputs with the model's.

    torchscript.py [--tolerance 1e-5] FILE.pt...

Beside each file lies FILE.golden.safetensors (of older versions golden.safetensors), as `mlrun export` writes it. One
line for each file; exit code 3 where an output differs by more than the tolerance's share of the largest, or batches of
1 and 3 cannot be run. For int8 models, whose steps may fall to either side, --tolerance 0.05 or so. What a detector
found is compared whatever its order: of a hundred boxes one at most may have no counterpart.
"""
import json
import sys
from pathlib import Path

import numpy
import torch
import torchvision  # noqa: F401  (the operators of detectors)

DTYPES = {"F32": numpy.float32, "U8": numpy.uint8, "I64": numpy.int64}


def tensors_of(file):
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    return {name: torch.from_numpy(
        numpy.frombuffer(data[start:], DTYPES[one["dtype"]], int(numpy.prod(one["shape"])), one["data_offsets"][0])
        .reshape(one["shape"]).copy()) for name, one in header.items()}


def difference(module, golden, size):
    """The largest of any output, as a share of that output's largest number."""
    parts = [module(part) for part in next(iter(golden.values())).split(size)]
    outputs = list(golden.values())[1:]
    found = [torch.cat(some) for some in (zip(*parts) if isinstance(parts[0], tuple) else [parts])]
    return max((a - b).abs().max().item() / (b.abs().max().item() or 1) for a, b in zip(found, outputs))


def pairs(model, found, pixels, score):
    """How many of the model's boxes have a counterpart of the same label, within so many pixels and so much of a score."""
    free, alike = set(range(len(found[1]))), 0
    for box, value, label in zip(*model):
        near = (found[0] - box).abs().amax(1).le(pixels) & (found[1] - value).abs().le(score) & found[2].eq(label)
        own = next((i for i in near.nonzero().flatten().tolist() if i in free), None)
        if own is not None:
            free.remove(own)
            alike += 1
    return alike


def agreement(module, golden, tolerance):
    found, alike, begin = 0, 0, 0
    for image, count in zip(golden["image"].split(1), golden["counts"].tolist()):
        model = [golden[name][begin:begin + count] for name in ("boxes", "scores", "labels")]
        own = module(image)
        found += max(count, len(own[1]))
        alike += pairs(model, own, tolerance * max(image.shape[2:]), tolerance)
        begin += count
    return found, alike


def check(file, tolerance):
    beside = file.with_name(file.name + ".golden.safetensors")
    golden = tensors_of(beside if beside.exists() else file.parent / "golden.safetensors")
    module = torch.jit.load(file).eval()
    with torch.no_grad():
        if "counts" in golden:
            found, alike = agreement(module, golden, tolerance)
            met, text = alike >= 0.99 * found, f"{alike} of {found} boxes found alike"
        else:
            differences = {size: difference(module, golden, size) for size in (1, 3)}
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
