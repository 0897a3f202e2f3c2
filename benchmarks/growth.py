"""How the cost of the voice heads grows: 1 to 55 heads, 1 to 2 threads, INT8 and INT4.

    python -m benchmarks.growth benchmarks/results/CPU-growth.json    measure, write and draw
    python -m benchmarks.growth --draw benchmarks/results/CPU-growth.json    draw again

The picture is written beside the JSON, as SVG. Unit: milliseconds for one embedding, medians of
interleaved runs.
"""

from __future__ import annotations

from benchmarks.settings import THREADS, limit_environment

limit_environment()

import argparse  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

__all__ = ["draw", "main", "measure"]

HEADS = (1, 2, 4, 8, 16, 32, 55)
ROUNDS = 9


def measure() -> dict[str, Any]:
    """Time every combination in turn, round after round."""
    from benchmarks.machine import describe_machine
    from benchmarks.race import machine_to_ourselves

    runs = _evaluations()
    times: dict[tuple[Any, ...], list[float]] = {key: [] for key in runs}
    for number in range(ROUNDS):
        with machine_to_ourselves():
            for key in sorted(runs, reverse=bool(number % 2)):
                start = time.perf_counter()
                runs[key]()
                times[key].append(time.perf_counter() - start)
    points = [
        {
            "precision": precision,
            "threads": threads,
            "heads": heads,
            "median_s": statistics.median(found),
            "min_s": min(found),
            "times_s": found,
        }
        for (precision, threads, heads), found in sorted(times.items())
    ]
    return {"machine_info": describe_machine(), "work": "one embedding", "points": points}


def _evaluations() -> dict[tuple[str, int, int], Callable[[], Any]]:
    from benchmarks import models
    from benchmarks.inputs import voice_embedding
    from emonet_edge import MultiHeadMLP

    embedding = voice_embedding()
    runs: dict[tuple[str, int, int], Callable[[], Any]] = {}
    for precision in ("int8", "int4"):
        path = models.voice_model(precision) / "heads.bin"
        for threads in range(1, THREADS + 1):
            for count in HEADS:
                names = models.VOICE_HEADS[:count]
                heads = MultiHeadMLP.open(path, names, threads=threads, verify=False)
                heads.evaluate(embedding)  # touches every page once
                runs[precision, threads, count] = lambda heads=heads: heads.evaluate(embedding)
    return runs


def draw(found: dict[str, Any], picture: Path) -> None:
    """Draw median time over the number of heads, one line for each precision and thread count.

    Raises:
        ImportError: matplotlib (dependency group `bench`) is not installed.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    lines: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for point in found["points"]:
        lines.setdefault((point["precision"], point["threads"]), []).append(point)
    for (precision, threads), points in lines.items():
        axes.plot(
            [point["heads"] for point in points],
            [1e3 * point["median_s"] for point in points],
            marker="o",
            color="tab:blue" if precision == "int8" else "tab:orange",
            linestyle="--" if threads == 1 else "-",
            label=f"{precision.upper()}, {threads} thread{'s' if threads > 1 else ''}",
        )
    axes.set(xlabel="voice heads", ylabel="ms for one embedding", xlim=(0, 57), ylim=(0, None))
    axes.set_title(found["machine_info"]["cpu_name"], fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, metadata={"Date": None})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and draw, or draw what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--draw", action="store_true", help="do not measure, only draw")
    options = parser.parse_args(arguments)
    if options.draw:
        found = json.loads(options.results.read_text())
    else:
        found = measure()
        options.results.write_text(json.dumps(found, indent=1) + "\n")
    draw(found, options.results.with_suffix(".svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
