"""Where frames and sound come from.

A video source has ``read() -> Frame | None``, an audio source ``read() -> AudioBlock | None``; None
is the end. Both have ``close()``, which any thread may call and which ends a waiting ``read``, and
are context managers. They have no thread of their own.

======================================  ===========================================================
module                                  concept
======================================  ===========================================================
source, stop_signal                     the life of a source
reopening                               one that comes back, and its states
camera, network_camera, microphone      devices
container_video, container_audio        files, and containers on pipes
raw_video, raw_audio                    pipes of a stated layout
push                                    for those who have their own capture
containers, byte_stream                 ffmpeg without a door to the file system or the network
pixels, deferred                        planes for the native core, made only if somebody looks
media_time, sample_queue                the time of a recording; samples that nobody fetched
numbering                               which frame of a source this is
port_audio                              the one import of PortAudio
open, devices, contents                 from a text to a source; what there is; what a file holds
======================================  ===========================================================
"""
