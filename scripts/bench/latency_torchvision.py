#!/usr/bin/env python3
"""Times a torchvision model on random images; prints one JSON object: {"eager": [ms...], "channels_last": ..., "traced": ...}.

Usage: latency_torchvision.py MODEL BATCH THREADS SECONDS [--classes N] [--onnx FILE]

With --onnx it writes the model there and times nothing.
"""
import json
import sys
import warnings

import torch
import torchvision

from ratios import timed

warnings.filterwarnings("ignore")


def main():
    name, batch, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    classes = int(sys.argv[sys.argv.index("--classes") + 1]) if "--classes" in sys.argv else 1000
    model = getattr(torchvision.models, name)(num_classes=classes).eval()
    images = torch.randn(batch, 3, 224, 224)
    if "--onnx" in sys.argv:
        file = sys.argv[sys.argv.index("--onnx") + 1]
        torch.onnx.export(model, images, file, opset_version=13, input_names=["input"], output_names=["output"],
                          dynamic_axes={"input": {0: "N"}, "output": {0: "N"}})
        return
    times = {}
    with torch.no_grad():
        times["eager"] = timed(lambda: model(images), seconds)
        frozen = torch.jit.optimize_for_inference(torch.jit.trace(model, images))
        times["traced"] = timed(lambda: frozen(images), seconds)
        last, images_last = model.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
        times["channels_last"] = timed(lambda: last(images_last), seconds)
    print(json.dumps(times))


main()
