"""The instruction set that the native core runs on."""

from __future__ import annotations

from emonet_edge import _core

__all__ = ["active_isa", "available_isas"]


def active_isa() -> str:
    """Name the instruction set that the native core uses: $EMONET_ISA, else the CPU's best.

    Raises:
        IsaError: EMONET_ISA names one that is unknown or that this CPU does not have.
    """
    return str(_core.active_isa())


def available_isas() -> list[str]:
    """Name the instruction sets that this build and this CPU have, weakest first."""
    return list(_core.available_isas())
