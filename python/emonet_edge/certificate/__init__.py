"""What a model was certified to compute at its export, and whether a device still computes it."""

from emonet_edge.certificate.check import (
    CERTIFICATE_NAME,
    LIMITS,
    Certificate,
    Certified,
    DeviceCheck,
    Distance,
    MachineCheck,
    certify,
    check_devices,
    most_inputs,
)

__all__ = [
    "CERTIFICATE_NAME",
    "LIMITS",
    "Certificate",
    "Certified",
    "DeviceCheck",
    "Distance",
    "MachineCheck",
    "certify",
    "check_devices",
    "most_inputs",
]
