#!/usr/bin/env python3
"""What activation checkpointing saves: memory and time of ViT-B/16's training step, with and without it, in turns.

    checkpointing.py MLRUN [--model vit_b_16] [--batch 8,32] [--rounds 1] [--seconds 5]

`mlrun bench --mode train` on images of 224 px, two threads; the peak is the process's resident memory while it trains.
Checkpointing cannot touch the process itself, weights, gradients and momentum, so its share falls as batches grow. Exit
code 0 when every batch takes at most half the memory, 3 when not.
"""
import argparse
import json
import subprocess
import sys

import ratios

MARK = 0.5


def measured(o, batch, checkpointing):
    """Peak memory in MB, median time of a step in ms."""
    command = [o.mlrun, "bench", "--mode", "train", "--model", o.model, "--batch", str(batch), "--threads", "2",
               "--seconds", str(o.seconds), "--json", f"train.activation_checkpointing={str(checkpointing).lower()}"]
    row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["result"][0]
    return row["rss_mb"], row["p50"]


def compare(o, batch):
    """Whether checkpointing's share of the memory is within the mark."""
    rounds = [(measured(o, batch, False), measured(o, batch, True)) for _ in range(o.rounds)]
    met = True
    for i, (what, unit, mark) in enumerate((("memory", "MB", MARK), ("time", "ms", None))):
        found = ratios.spread([with_[i] / without[i] for without, with_ in rounds])
        row = f"{what} of a training step with checkpointing, {o.model}, batch {batch}"
        met = ratios.note(row, "mlrun without it", found, mark) and met
        print(f"batch {batch}: {what} without {rounds[0][0][i]:.0f} {unit}, with {rounds[0][1][i]:.0f} {unit} (first round): "
              f"{found[0]:.2f} of it ({found[1]:.2f} to {found[2]:.2f})", flush=True)
    return met


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("mlrun")
    parser.add_argument("--model", default="vit_b_16")
    parser.add_argument("--batch", default="8,32")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    o = parser.parse_args()
    met = all([compare(o, int(batch)) for batch in o.batch.split(",")])
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main())
