"""Plain NumPy in float64: the specification that every fast path must agree with.

Sections: audio (log-mel), image (Pillow's resize, YUV), heads (packing, projections, small layers).
"""
