"""What the benchmarks share: ratios of mlrun to a peer, and the rows that scripts/bench/compare makes a table of."""
import json
import math
import os
import statistics


def spread(ratios):
    """Median, smallest and largest."""
    return statistics.median(ratios), min(ratios), max(ratios)


def geometric_mean(ratios):
    return math.exp(statistics.mean(math.log(one) for one in ratios))


def note(what, against, ratio, mark=None):
    """Notes a row: how much of a peer's time or memory mlrun takes, as `spread` gives it; `mark`: at most so much.

    Appended to the file that $MLRUN_BENCH_ROWS names; without it nothing is done. Whether the mark is met.
    """
    row = {"what": what, "against": against, "ratio": ratio[0], "low": ratio[1], "high": ratio[2], "mark": mark}
    file = os.environ.get("MLRUN_BENCH_ROWS")
    if file:
        with open(file, "a") as rows:
            rows.write(json.dumps(row) + "\n")
    return mark is None or ratio[0] <= mark
