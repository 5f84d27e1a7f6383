#!/usr/bin/env python3
"""Latency of int8 models against their float32 originals, in turns: batch 1, 224 px.

    latency_int8.py MLRUN PHOTOS [--models NAME,NAME] [--threads 2] [--rounds 3] [--seconds 1]

Each model's weights are drawn from a seed and quantized after training (`mlrun quantize`) on the photographs (JPEG) in
PHOTOS, at any depth; speed does not depend on what the weights are. Peers: torchvision eager, and traced, frozen and
optimized for inference; mlrun's own float32 engines. Exit code 0 when MobileNetV3-Large in int8 takes at most 1 / 2.5 of
eager's time and 1 / 1.8 of the traced one's, 3 when not.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import ratios
from photos import make_images

HERE = Path(__file__).resolve().parent
MARKED, MARKS = "mobilenet_v3_large", {"torchvision eager": 1 / 2.5, "torchvision traced": 1 / 1.8}
CLASSES = "model.num_classes=2"
RECIPE = """\
task: classification
model: {{name: {name}, num_classes: 2}}
data:
  root: {folder}
  format: image_folder
  split: {{train: 0.5, val: 0.5, test: 0}}
  preprocess: classification_eval
"""


def run(command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("latency_int8.py: " + " ".join(map(str, command)) + " failed:\n" + done.stderr)
    return done.stdout


def quantized(o, name, folder, work):
    """The int8 file of a model."""
    recipe, floats, int8 = work / (name + ".yaml"), work / (name + ".safetensors"), work / (name + "_int8.safetensors")
    recipe.write_text(RECIPE.format(name=name, folder=folder))
    run([o.mlrun, "export", "--model", name, CLASSES, "-o", floats, "--quiet"])
    run([o.mlrun, "quantize", floats, "-c", recipe, "--method", "ptq", "-o", int8, "--quiet"])
    return int8


def times_of(o, source, engines):
    command = [o.mlrun, "bench", *source, "--batch", 1, "--threads", o.threads, "--engine", engines, "--json"]
    command += ["--seconds", o.seconds]
    return {row["engine"]: row["p50"] for row in json.loads(run(command))["result"]}


def one_round(o, name, int8):
    python = ["/usr/bin/python3", HERE / "latency_torchvision.py", name, 1, o.threads, o.seconds, "--classes", 2]
    times = {"torchvision " + peer: statistics.median(found) for peer, found in json.loads(run(python)).items()}
    for kind, source, engines in (("fp32", ["--model", name, CLASSES], "eager,graph"), ("int8", [int8], "eager,torchscript")):
        times.update({f"mlrun {kind} {engine}": found for engine, found in times_of(o, source, engines).items()})
    return times


def show(o, name, rounds):
    """Prints a model's times; whether its marks are met."""
    ours, met = "mlrun int8 eager", True
    print(f"\n{name}, batch 1, {o.threads} thread(s)")
    for peer in rounds[0]:
        found = ratios.spread([times[ours] / times[peer] for times in rounds])
        time = statistics.median(times[peer] for times in rounds)
        taken = f"{ours} takes {found[0]:.2f} of it ({found[1]:.2f} to {found[2]:.2f})"
        print(f"  {peer:26} {time:9.2f} ms   {taken}", flush=True)
        mark = MARKS.get(peer) if name == MARKED else None
        if not peer.startswith("mlrun int8"):
            met = ratios.note(f"int8 latency of {name}, batch 1", peer, found, mark) and met
    return met


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("mlrun")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--models", default="mobilenet_v3_large,mobilenet_v2,resnet18,resnet50")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    o = parser.parse_args()
    met = True
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "images").mkdir()
        make_images(o.photos, work / "images", 64)
        for name in o.models.split(","):
            int8 = quantized(o, name, work / "images", work)
            met = show(o, name, [one_round(o, name, int8) for _ in range(o.rounds)]) and met
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main())
