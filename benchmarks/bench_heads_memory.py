"""Do the heads run faster from anonymous huge pages than from the file's own mapped pages?

Unit: seconds for 8 voice heads of one embedding in INT8, `memory="map"` beside `memory="copy"`,
each beside a streaming read of as many bytes in the same kind of memory. Answer: the same bits.
"""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from benchmarks import models
from benchmarks.inputs import voice_embedding
from benchmarks.race import Contestant, Race, replayed_time
from benchmarks.roof import mapped, streaming_read, wrapping_sum
from benchmarks.settings import N_HEADS, THREADS
from emonet_edge import MultiHeadMLP

pytestmark = pytest.mark.full

HUGE_PAGE = 2 << 20
MAP, COPY = "emonet-edge INT8, mapped file", "emonet-edge INT8, copy in huge pages"
READ_MAP, READ_COPY = "streaming read, mapped file", "streaming read, copy in huge pages"


def in_huge_pages(bytes_: np.ndarray) -> np.ndarray:
    """A copy in anonymous memory for which huge pages were asked."""
    space = mmap.mmap(-1, bytes_.nbytes + HUGE_PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    space.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(space, np.uint8)
    copy = whole[-whole.ctypes.data % HUGE_PAGE :][: bytes_.nbytes]
    copy[:] = bytes_
    return copy


@pytest.fixture(scope="module")
def race(rounds: int) -> Race:
    path, names = models.voice_model() / "heads.bin", models.VOICE_HEADS[:N_HEADS]
    embedding = voice_embedding()
    by_map, by_copy = (
        MultiHeadMLP.open(path, names, memory=memory, threads=THREADS, verify=False)
        for memory in ("map", "copy")
    )
    expected = by_map.evaluate(embedding)
    bytes_ = mapped(path, by_map.nbytes)
    copied, total = in_huge_pages(bytes_), wrapping_sum(bytes_)

    def same_scores(answer) -> None:
        assert np.array_equal(answer, expected)

    def same_sum(answer) -> None:
        assert answer == total

    facts = {"bytes": by_map.nbytes}
    contestants = {
        MAP: Contestant(lambda: by_map.evaluate(embedding), same_scores, facts),
        COPY: Contestant(lambda: by_copy.evaluate(embedding), same_scores, facts),
        READ_MAP: Contestant(streaming_read(bytes_, THREADS), same_sum, facts),
        READ_COPY: Contestant(streaming_read(copied, THREADS), same_sum, facts),
    }
    return Race(f"{N_HEADS} heads", contestants, rounds)


@pytest.mark.benchmark(group="voice heads, mapped or in huge pages", timer=replayed_time)
@pytest.mark.parametrize("name", [MAP, COPY, READ_MAP, READ_COPY])
def test_memory_of_the_heads(benchmark, race, name):
    race.report(benchmark, name)
