"""What AUTO and a named device mean."""

from __future__ import annotations

import pytest

from emonet_edge.exceptions import DeviceError
from emonet_edge.inference.devices import available_devices, choose


def test_the_cpu_is_always_here():
    assert "CPU" in available_devices()


@pytest.mark.parametrize(
    ("asked", "available", "order"),
    [
        ("AUTO", ["CPU"], ("CPU",)),
        ("AUTO", ["CPU", "GPU"], ("GPU", "CPU")),
        ("AUTO", ["CPU", "GPU.0", "GPU.1", "NPU"], ("GPU.0", "GPU.1", "CPU")),
        ("AUTO", ["CPU", "NPU"], ("CPU",)),
        ("CPU", ["CPU", "GPU"], ("CPU",)),
        ("GPU", ["CPU", "GPU"], ("GPU", "CPU")),
        ("GPU", ["CPU", "GPU.0", "GPU.1"], ("GPU", "CPU")),
        ("GPU.0", ["CPU", "GPU"], ("GPU.0", "CPU")),
        ("GPU.1", ["CPU", "GPU.0", "GPU.1"], ("GPU.1", "CPU")),
        ("NPU", ["CPU", "NPU"], ("NPU", "CPU")),
    ],
)
def test_devices_are_tried_in_this_order(asked, available, order):
    choice = choose(asked, available)
    assert choice.order == order
    assert not choice.absent


@pytest.mark.parametrize("asked", ["gpu", " Gpu ", "GPU"])
def test_upper_and_lower_case_mean_the_same(asked):
    assert choose(asked, ["CPU", "GPU"]).order == ("GPU", "CPU")


@pytest.mark.parametrize(
    ("asked", "available"),
    [("GPU", ["CPU"]), ("NPU", ["CPU", "GPU"]), ("GPU.1", ["CPU", "GPU"]), ("GPU.2", ["CPU"])],
)
def test_an_absent_device_leaves_the_cpu_and_says_why(asked, available):
    choice = choose(asked, available)
    assert choice.absent
    assert choice.order == ("CPU",)
    assert asked in choice.reason
    assert ", ".join(available) in choice.reason


def test_auto_without_a_gpu_says_that_it_found_none():
    assert "no GPU" in choose("AUTO", ["CPU"]).reason
    assert choose("AUTO", ["CPU", "GPU"]).reason == ""


@pytest.mark.parametrize("asked", ["TPU", "", "GPU.x", "CPU.1", "AUTO:GPU", "GPU.1234", None, 3])
def test_a_name_that_is_no_device_lists_what_exists(asked):
    with pytest.raises(DeviceError, match=r"this machine has CPU, GPU"):
        choose(asked, ["CPU", "GPU"])
