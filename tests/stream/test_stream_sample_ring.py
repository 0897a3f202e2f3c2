"""The ring of samples: what was appended last is what comes out, at any position."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emonet_edge.stream.voices.sample_ring import SampleRing


@given(st.lists(st.integers(0, 50), max_size=30), st.sampled_from([0, 2**31 - 60, 2**32 - 60]))
def test_it_holds_the_newest_samples(sizes, first):
    ring, everything = SampleRing(50, first), np.empty(0, np.float32)
    for size in sizes:
        samples = np.arange(len(everything), len(everything) + size, dtype=np.float32)
        everything = np.append(everything, samples)
        ring.append(samples)
        assert (ring.stop, ring.stop - ring.start) == (
            first + len(everything),
            min(50, len(everything)),
        )
        kept = everything[max(0, len(everything) - 50) :]
        np.testing.assert_array_equal(ring.copy(ring.start, ring.stop), kept)
        half = len(kept) // 2
        np.testing.assert_array_equal(
            ring.copy(ring.stop - half, ring.stop), kept[len(kept) - half :]
        )


def test_what_comes_out_is_a_copy():
    ring = SampleRing(10)
    ring.append(np.ones(10, np.float32))
    taken = ring.copy(2, 6)
    ring.append(np.zeros(10, np.float32))
    assert taken.tolist() == [1.0] * 4
    assert taken.dtype == np.float32


def test_a_restart_forgets_what_was_there():
    ring = SampleRing(10)
    ring.append(np.ones(10, np.float32))
    ring.restart(1000)
    assert (ring.start, ring.stop) == (1000, 1000)
    ring.append(np.full(3, 2, np.float32))
    assert ring.start == 1000
    assert ring.copy(1000, 1003).tolist() == [2.0] * 3
