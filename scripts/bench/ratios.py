"""What the benchmarks share: ratios of mlrun to a peer, and the rows that scripts/bench/compare makes a table of."""
import json
import math
import os
import statistics
import time


def timed(run, seconds):
    """Milliseconds of each call; the warm-up (a third of the time, at least two calls) is left out."""
    begin, calls = time.perf_counter(), 0
    while calls < 2 or time.perf_counter() - begin < seconds / 3:
        run()
        calls += 1
    found, begin = [], time.perf_counter()
    while len(found) < 3 or time.perf_counter() - begin < seconds:
        before = time.perf_counter()
        run()
        found.append(1000 * (time.perf_counter() - before))
    return found


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
