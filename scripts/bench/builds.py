#!/usr/bin/env python3
"""One build of mlrun beside another: latency, training step and loader, in turns, as ratios of the newer to the older.

    scripts/bench/builds.py OLD NEW [--rounds 5] [--seconds 3] [--photos FOLDER] [--only TEXT]

OLD and NEW are executables. Each row is measured by `mlrun bench` of both, in turns whose order changes from round to round;
a ratio is the median of the rounds' ratios of times (below 1: the newer is faster), beside the middle half of them.
Without --photos the loader's row is left out; --only keeps the rows whose titles have TEXT in them.
"""
import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

LATENCY = ["mobilenet_v3_large", "mobilenet_v2", "resnet50", "efficientnet_b0"]
STEPS = [("mobilenet_v3_large", 32, 224), ("resnet18", 32, 128)]
RECIPE = """\
task: classification
model: {{name: mobilenet_v3_small}}
data: {{root: {root}, format: image_folder, split: {{train: 0.8, val: 0.2}}, augment: classification_train}}
train: {{epochs: 1, batch_size: 64}}
"""


def rows(photos, folder):
    """(title, arguments of `mlrun bench`)"""
    for name in LATENCY:
        yield f"latency {name}", ["--model", name]
        yield f"latency {name}, graph", ["--model", name, "--engine", "graph"]
    for name, batch, size in STEPS:
        yield (f"step {name}, {batch} x {size} px",
               ["--mode", "train", "--model", name, "--batch", str(batch), "--size", str(size), "--memory-format", "channels_last"])
    if photos:
        recipe = Path(folder) / "loader.yaml"
        recipe.write_text(RECIPE.format(root=Path(photos).resolve()))
        yield "loader, classification_train", [str(recipe), "--mode", "load"]


def measure(executable, arguments, seconds):
    """Seconds of one image (or of one pass of batch 1), by the executable's own figures."""
    command = [executable, "bench", *arguments, "--seconds", str(seconds), "--json", "--quiet"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    row = json.loads(done.stdout)["result"][0]
    return row["p50"] / 1000 if row.get("p50") else 1 / row["images_per_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--photos")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print(f"{'':44} {'older':>10} {'newer':>10}   ratio (middle half)")
    with tempfile.TemporaryDirectory() as folder:
        for title, arguments in rows(options.photos, folder):
            if options.only not in title:
                continue
            times = {options.old: [], options.new: []}
            for turn in range(options.rounds):
                for executable in sorted(times, reverse=turn % 2 == 1):
                    times[executable].append(measure(executable, arguments, options.seconds))
            ratios = [new / old for old, new in zip(times[options.old], times[options.new])]
            low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
            middle = [1000 * statistics.median(times[executable]) for executable in (options.old, options.new)]
            print(f"{title:44} {middle[0]:8.2f}ms {middle[1]:8.2f}ms   {statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})",
                  flush=True)


if __name__ == "__main__":
    main()
