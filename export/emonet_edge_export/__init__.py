"""From the published checkpoints to a model directory: `emonet-edge export`.

One module a step: registry (what exists), sources and hub (where it is), checkpoints and
load_encoder (reading it), convert_encoder, calibration, quantize_encoder, embedding_norm,
pack_heads, detector, verify. `export_model` runs them in order, `command` is the command line.

This package needs the extra `export` (torch, transformers, nncf...). It imports emonet_edge;
nothing in emonet_edge imports it, but for the command line through the entry point, on use.
"""
