#!/usr/bin/env python3
"""Gives weights of at least two dimensions that are all 0 small random values, in place.

    fill_zeros.py FILE.safetensors

float32 alone. For heads that are initialised to zeros (ViT's), whose outputs would compare equal whatever comes before.
"""
import json
import sys

import numpy


def main(name):
    with open(name, "rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(start - 8))
    random = numpy.random.default_rng(0)
    header.pop("__metadata__", None)
    for entry in header.values():
        if len(entry["shape"]) < 2 or entry["dtype"] != "F32":
            continue
        values = numpy.memmap(name, numpy.float32, "r+", start + entry["data_offsets"][0], tuple(entry["shape"]))
        if not values.any():
            values[:] = random.normal(0, 0.02, values.shape)
            values.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
