"""ATTRIBUTION.md: the models are CC-BY-4.0, so their attribution travels with every directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["LICENSE", "LICENSE_URL", "SUITES", "attribution_text"]

LICENSE = "CC-BY-4.0"
LICENSE_URL = "https://creativecommons.org/licenses/by/4.0/"

SUITES: Mapping[str, tuple[str, str, str]] = {
    "face-small": (
        "Empathic Insight Face Small",
        "laion/Empathic-Insight-Face-Small",
        "google/siglip2-so400m-patch16-384",
    ),
    "face-large": (
        "Empathic Insight Face Large",
        "laion/Empathic-Insight-Face-Large",
        "google/siglip2-so400m-patch16-384",
    ),
    "voice-small": (
        "Empathic Insight Voice Small",
        "laion/Empathic-Insight-Voice-Small",
        "mkrausio/EmoWhisper-AnS-Small-v0.1",
    ),
    "voice-large": (
        "Empathic Insight Voice Large",
        "laion/Empathic-Insight-Voice-Large",
        "",
    ),
    "voice-plus": (
        "Empathic Insight Voice Plus",
        "laion/Empathic-Insight-Voice-Plus",
        "laion/BUD-E-Whisper",
    ),
}
"""Suite to the title of its heads, their repository, its encoder's ("" where undocumented)."""


def attribution_text(
    suite: str, sources: Iterable[Mapping[str, Any]] = (), synthetic: bool = False
) -> str:
    """Return the text of ATTRIBUTION.md.

    Args:
        suite: a key of `SUITES`, or any other name, which then has no title of its own.
        sources: the manifest's sources, with "repository" and "revision".
        synthetic: True for random weights, which come from nobody.
    """
    if synthetic:
        return (
            "# Attribution\n\n"
            f"This directory ({suite}) holds random weights in the architecture of the Empathic\n"
            "Insight models. Nothing in it comes from trained models; its scores mean nothing.\n"
        )
    title, heads, encoder = SUITES.get(suite, (suite, "", ""))
    roles = {heads: "heads", encoder: "encoder"}
    lines = [
        f"- https://huggingface.co/{source['repository']} "
        f"({roles.get(source['repository'], 'part')}, revision {source['revision']})"
        for source in sources
    ]
    if not lines:
        lines = [
            f"- https://huggingface.co/{name} ({role})" for name, role in roles.items() if name
        ]
    return (
        "# Attribution\n\n"
        f"This directory holds {title} by LAION, licensed under {LICENSE}\n({LICENSE_URL}).\n\n"
        "Made from:\n\n" + "\n".join(lines) + "\n\n"
        "Changes: converted to OpenVINO IR and packed heads by emonet-edge, with the precision\n"
        "and recipe that manifest.json states. LAION does not endorse this conversion.\n"
        "Encoders keep the licence of their own repository.\n"
    )
