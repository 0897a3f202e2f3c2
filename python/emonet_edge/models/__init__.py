"""What a user loads: face, voice, and the detector that finds faces."""
