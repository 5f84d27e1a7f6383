#!/usr/bin/env python3
"""Training steps on images that lie ready, against the Python reference in turns: time of a step and peak memory.

    train_step.py MLRUN [--cases NAME,NAME] [--rounds 3] [--seconds 5] [--threads 2]

A step is what torchvision's training script does with a batch: forward, cross entropy, backward, SGD with momentum and
weight decay, and the loss and the accuracy as numbers. The reference runs at its defaults (NCHW, gradients set to zero)
and at its best (the faster memory format, gradients set to None); mlrun is `mlrun bench --mode train` with
`--memory-format auto`. A peer's figure is the median over the rounds of its medians; a ratio is the median of the rounds'
ratios, with the smallest and largest beside it. Peak memory is that of the process.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys

import ratios

CASES = {"resnet18": (32, 128), "mobilenet_v3_large": (224, 32), "vit_b_16": (224, 8)}  # size, batch
MARKS = {"resnet18": 0.8, "mobilenet_v3_large": 0.5, "vit_b_16": 0.9}  # of the reference at its defaults
BEST_MARK = 0.9  # geometric mean


def reference(name, settings, seconds, threads):
    """Prints the median time of a step in ms, and the peak memory in MB."""
    import torch
    import torchvision

    torch.set_num_threads(threads)
    size, batch = CASES[name]
    order = torch.channels_last if settings == "channels_last" else torch.contiguous_format
    model = getattr(torchvision.models, name)(num_classes=1000).to(memory_format=order).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    criterion = torch.nn.CrossEntropyLoss()
    images = torch.randn(batch, 3, size, size).contiguous(memory_format=order)
    target = torch.randint(1000, (batch,))

    def step():
        output = model(images)
        loss = criterion(output, target)
        optimizer.zero_grad(set_to_none=settings != "defaults")
        loss.backward()
        optimizer.step()
        loss.item()
        (output.argmax(1) == target).sum().item()

    times = ratios.timed(step, seconds)
    print(json.dumps([statistics.median(times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def run(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit("train_step.py: " + " ".join(command) + " failed:\n" + done.stderr)
    return json.loads(done.stdout)


def ours(name, o):
    size, batch = CASES[name]
    row = run([o.mlrun, "bench", "--mode", "train", "--model", name, "--size", str(size), "--batch", str(batch),
               "--threads", str(o.threads), "--seconds", str(o.seconds), "--memory-format", "auto", "--json"])["result"][0]
    return row["p50"], row["rss_mb"]


def measure(name, o):
    """The rounds' (ms, MB) of each peer."""
    rounds = []
    for _ in range(o.rounds):
        found = {}
        for settings in ("defaults", "contiguous", "channels_last"):
            found[settings] = run(["/usr/bin/python3", "-W", "ignore", __file__, "--reference", name, settings,
                                   str(o.seconds), str(o.threads)], OMP_NUM_THREADS=str(o.threads))
        found["best"] = min(found["contiguous"], found["channels_last"])
        found["mlrun"] = ours(name, o)
        rounds.append(found)
    return rounds


def ratio(rounds, peer, figure):
    return ratios.spread([one["mlrun"][figure] / one[peer][figure] for one in rounds])


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("mlrun")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--threads", type=int, default=2)
    o = parser.parse_args()
    met, means = True, []
    for name in o.cases.split(","):
        rounds = measure(name, o)
        print(f"{name}, {CASES[name][0]} px, batch {CASES[name][1]}, {o.threads} threads")
        for peer in ("mlrun", "defaults", "contiguous", "channels_last", "best"):
            time_ms, memory = (statistics.median(one[peer][i] for one in rounds) for i in (0, 1))
            line = f"  {peer:14} {time_ms:8.1f} ms {memory:6.0f} MB"
            if peer != "mlrun":
                line += "   mlrun takes {:.2f} of the time ({:.2f} to {:.2f})".format(*ratio(rounds, peer, 0))
                line += " and {:.2f} of the memory".format(ratio(rounds, peer, 1)[0])
            print(line, flush=True)
        what = f"training step, {name}, {CASES[name][0]} px, batch {CASES[name][1]}"
        met = ratios.note(what, "reference, defaults", ratio(rounds, "defaults", 0), MARKS[name]) and met
        ratios.note(what, "reference, best memory format", ratio(rounds, "best", 0))
        means.append(ratio(rounds, "best", 0)[0])
    mean = ratios.geometric_mean(means)
    print(f"geometric mean against the best: {mean:.2f} (mark: {BEST_MARK}); marks against the defaults: {MARKS}")
    what = f"training step, geometric mean of {len(means)}"
    met = ratios.note(what, "reference, best memory format", (mean, min(means), max(means)), BEST_MARK) and met
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reference"]:
        reference(sys.argv[2], sys.argv[3], float(sys.argv[4]), int(sys.argv[5]))
    else:
        sys.exit(main())
