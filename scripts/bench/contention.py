#!/usr/bin/env python3
"""What is left of speed on processors that others keep busy too, beside the Python reference in the same run.

    contention.py MLRUN PHOTOS [--rounds 3] [--seconds 4] [--models mobilenet_v2,mobilenet_v3_small]

Each round measures every side alone and with a busy loop for each processor beside it: training (ResNet-18 at 32 px, batch
128, from small JPEGs made of the photographs in PHOTOS; reference_trainer.py at its defaults) in images per second of
the second epoch, and latency of one image at 224 px (mlrun's engine `graph`; torchvision eager) as its median and 99th
percentile. mlrun also trains twice at once, and runs a sweep of two with `--jobs 2`: the sum of their images per
second. Everything runs at its defaults on two processors. Ratios are medians of the rounds' own. Exit code 0 when mlrun
keeps 40 % of its rate beside busy loops and its 99th percentile stays under 5 times its median, 3 when not.
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import ratios
from start_and_memory import RECIPE, make_images

HERE = Path(__file__).resolve().parent
SIZE, BATCH, IMAGES, EPOCHS = 32, 128, 1024, 2
KEEPS, TAIL = 0.4, 5
RECIPE_AT_DEFAULTS = RECIPE.replace(", threads: 2, workers: 2", "")


@contextlib.contextmanager
def busy(loops):
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def images_per_s(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line["images_per_s"] for line in lines if "images_per_s" in line][-1]


def recipe_in(out, folder):
    file = out / "recipe.yaml"
    file.write_text(RECIPE_AT_DEFAULTS.format(folder=folder, name="resnet18", size=SIZE, batch=BATCH, epochs=EPOCHS))
    return file


def trainings(program, folder, count):
    """Images per second of so many trainings at once, summed."""
    with tempfile.TemporaryDirectory() as name:
        recipe, runs = recipe_in(Path(name), folder), [Path(name) / str(i) for i in range(count)]
        started = [subprocess.Popen([program, "train", recipe, "--out", run, "--quiet"], stdout=subprocess.DEVNULL)
                   for run in runs]
        if any(one.wait() != 0 for one in started):
            sys.exit("contention.py: mlrun train failed")
        return sum(map(images_per_s, runs))


def sweep(program, folder):
    with tempfile.TemporaryDirectory() as name:
        recipe, out = recipe_in(Path(name), folder), Path(name) / "sweep"
        for command in (["plan", recipe, "train.seed=0,1", "-o", out], ["run", out, "--jobs", "2"]):
            subprocess.run([program, "sweep", *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return sum(map(images_per_s, (out / "runs").iterdir()))


def reference_training(folder):
    command = [HERE / "reference_trainer.py", folder, "resnet18", SIZE, BATCH, EPOCHS, 2, 2, "defaults"]
    done = subprocess.run(["/usr/bin/python3", "-W", "ignore", *map(str, command)], check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def latency(program, model, seconds):
    """Median and 99th percentile in ms."""
    command = [program, "bench", "--model", model, "--engine", "graph", "--json", "--seconds", str(seconds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row = json.loads(done.stdout)["result"][0]
    return row["p50"], row["p99"]


def reference_latency(model, seconds):
    command = ["/usr/bin/python3", HERE / "latency_torchvision.py", model, "1", "2", str(seconds)]
    times = sorted(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["eager"])
    return statistics.median(times), times[min(len(times) - 1, int(0.99 * len(times)))]


def one_round(o, folder, beside):
    """Name and figure of everything, with so many busy loops beside."""
    found = {}
    with busy(beside):
        found["training, mlrun"] = trainings(o.mlrun, folder, 1)
        found["training, reference"] = reference_training(folder)
        if beside == 0:
            found["two trainings"] = trainings(o.mlrun, folder, 2)
            found["sweep --jobs 2"] = sweep(o.mlrun, folder)
        for model in o.models.split(","):
            found[f"{model}, mlrun"] = latency(o.mlrun, model, o.seconds)
            found[f"{model}, reference"] = reference_latency(model, o.seconds)
    return found


def median_of(rounds, name, place=None):
    return statistics.median(one[name] if place is None else one[name][place] for one in rounds)


def show_training(alone, beside):
    met = True
    for side in ("mlrun", "reference"):
        name = f"training, {side}"
        kept = ratios.spread([b[name] / a[name] for a, b in zip(alone, beside)])
        print(f"{name}: {median_of(alone, name):.0f} images/s alone, {median_of(beside, name):.0f} beside busy loops, "
              f"{kept[0]:.0%} kept ({kept[1]:.0%} to {kept[2]:.0%})")
        if side == "mlrun":
            met = kept[0] >= KEEPS
    for name in ("two trainings", "sweep --jobs 2"):
        kept = ratios.spread([one[name] / one["training, mlrun"] for one in alone])
        print(f"{name}: {median_of(alone, name):.0f} images/s together, {kept[0]:.0%} of one alone")
    ratios.note("training resnet18 32 px beside busy loops", "reference, defaults",
                ratios.spread([one["training, reference"] / one["training, mlrun"] for one in beside]))
    return met


def show_latency(alone, beside, model):
    met = True
    for side in ("mlrun", "reference"):
        name = f"{model}, {side}"
        tail = ratios.spread([one[name][1] / one[name][0] for one in beside])
        print(f"{name}: {median_of(alone, name, 0):.1f} ms (p99 {median_of(alone, name, 1):.1f}) alone, "
              f"{median_of(beside, name, 0):.1f} (p99 {median_of(beside, name, 1):.1f}) beside busy loops, "
              f"p99 is {tail[0]:.1f} times p50")
        if side == "mlrun":
            met = tail[0] < TAIL
    ratios.note(f"p99 of {model}, batch 1, beside busy loops", "torchvision eager",
                ratios.spread([one[f"{model}, mlrun"][1] / one[f"{model}, reference"][1] for one in beside]))
    return met


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("mlrun")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--models", default="mobilenet_v2,mobilenet_v3_small")
    o = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, processors)
    alone, beside = [], []
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "images"
        make_images(o.photos, folder, SIZE, IMAGES)
        for _ in range(o.rounds):
            alone.append(one_round(o, folder, 0))
            beside.append(one_round(o, folder, len(processors)))
    met = show_training(alone, beside)
    for model in o.models.split(","):
        met = show_latency(alone, beside, model) and met
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main())
