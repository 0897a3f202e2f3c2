"""The calibration set that is downloaded when the user gives none.

Small on purpose: portraits, groups and clips of speech in three languages from public repositories
with permissive licences, each file known by its sha256. A folder of material from the place where
the model will work is better: --calibration DIR.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emonet_edge_export.calibration import Samples, from_folder
from emonet_edge_export.progress import Progress
from emonet_edge_export.upstream.download import PublicFile, download

__all__ = ["FOLDER", "PUBLIC", "public_samples"]

FOLDER = "emonet-edge/calibration"
"""Where the set lies below --source DIR, in `face` and `voice`."""

_RAW = "https://raw.githubusercontent.com"
_FACES = f"{_RAW}/Azure-Samples/cognitive-services-sample-data-files/65af3b93cab5/Face/images"
_SPEECH = f"{_RAW}/Azure-Samples/cognitive-services-speech-sdk/af304cc2298f"


def _file(url: str, size: int, sha256: str, licence: str = "MIT") -> PublicFile:
    return PublicFile(url.rsplit("/", 1)[1], url, size, sha256, licence)


PUBLIC: dict[str, tuple[PublicFile, ...]] = {
    "face": (
        _file(
            f"{_FACES}/Family1-Dad1.jpg",
            44796,
            "baa8501d665354da04f349501a5901327329c2fc5ca8bd110aba601b35ef7043",
        ),
        _file(
            f"{_FACES}/Family1-Mom1.jpg",
            34200,
            "df160a2f1d32f21567a020305c3060bf77ba7ec36d4972fd8ac4dd5512022625",
        ),
        _file(
            f"{_FACES}/Family2-Lady1.jpg",
            62275,
            "c6b510a2b9742047a66e08ee2dc00e88cc4a06aa4ef7cec45744f777f88dd970",
        ),
        _file(
            f"{_FACES}/Family2-Man1.jpg",
            40339,
            "ba0403102cc410f6053527f33e416eecd7cfb0934a1910621fb4b3dbf8eea109",
        ),
        _file(
            f"{_FACES}/detection1.jpg",
            491315,
            "1cb0f69e89066dd8a6aa09c5d982b6647c9a3d39e80d7ee5fb6a6878b403611b",
        ),
        _file(
            f"{_FACES}/detection2.jpg",
            365448,
            "bb5c51a581d64e4b1a35f5040e2b56067df27faa981fa1476963bdae608edd53",
        ),
        _file(
            f"{_FACES}/detection3.jpg",
            172788,
            "36596c025f951997a57f7df6987e12a26a1641a8f6780b6e35ae8dbc3635ba60",
        ),
        _file(
            f"{_FACES}/detection6.jpg",
            586647,
            "d5a5bebbaa178bc34c479da19161db3be63f4a5d6728927fd69a97ae73439420",
        ),
        _file(
            f"{_RAW}/scikit-image/scikit-image/cd0a3d22b9f3/src/_skimage2/data/astronaut.png",
            791555,
            "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
            "public domain",
        ),
    ),
    "voice": (
        _file(
            f"{_SPEECH}/scenarios/python/console/language-learning/chatting/resources/chat_input_1.wav",
            168846,
            "101be4f3d036cf03f00c1e1cbd93271926a6ab5f51dcc59a4df476ef6e833e43",
        ),
        _file(
            f"{_SPEECH}/quickstart/csharp/dotnet/meeting-transcription/helloworld/enrollment_audio_katie.wav",
            587016,
            "92524de7939fc5246c66a991464137335848a42833c6f1cddec11142cfe8e66a",
        ),
        _file(
            f"{_SPEECH}/sampledata/audiofiles/katiesteve.wav",
            943646,
            "d9ab6bdcd8137223386e8a0ac1d0a723f7ed029310111b9c60ef9ed6cedb4828",
        ),
        _file(
            f"{_SPEECH}/samples/custom-voice/csharp/CustomVoiceSample/TestData/VoiceTalentVerbalStatement.wav",
            796844,
            "238245a3d33efe1721cdbbc18181414a28605098a42ea697939dccffb04cf49b",
        ),
        _file(
            f"{_SPEECH}/samples/csharp/sharedcontent/console/whatstheweatherlike.wav",
            65004,
            "ff97e7906d20c26620cf11b86a1c7f62200b4437786733a3e7513ec85608bde6",
        ),
        _file(
            f"{_SPEECH}/samples/csharp/sharedcontent/console/wreck-a-nice-beach.wav",
            160044,
            "2e72216f248e91199d16875aca1fb924b75c3490f9f17023222864ce5fb240d2",
        ),
        _file(
            f"{_SPEECH}/samples/java/jre/console/es-mx.wav",
            196048,
            "9eaad7538809a0374ead1784c383d8fc77b98faa5b7bd20e26df4910bc4cff0a",
        ),
        _file(
            f"{_SPEECH}/scenarios/python/console/language-learning/resources/zhcn_continuous_mode_sample.wav",
            1687244,
            "ffaef86bb5b661c051acd6c9b278e8ef4cb155b2226cfe23fa4682b63d989b99",
        ),
        _file(
            f"{_SPEECH}/scenarios/python/console/language-learning/resources/zhcn_short_dummy_sample.wav",
            81644,
            "71bc7f39ad53a23b1343e04c8dc35ab68bc4f3aac7b288cd59d09817c4cd2d66",
        ),
        _file(
            f"{_RAW}/openai/whisper/c0d2f624c09d/tests/jfk.flac",
            1152693,
            "63a4b1e4c1dc655ac70961ffbf518acd249df237e5a0152faae9a4a836949715",
            "public domain",
        ),
        _file(
            f"{_RAW}/ml-explore/mlx-examples/7ddca42f4dc8/whisper/mlx_whisper/assets/ls_test.flac",
            150562,
            "3ed0baafcfe2252aa6451d4522d6022e9830b16954e4c3b1d0ac815d2f84efdd",
            "CC-BY-4.0",
        ),
        _file(
            f"{_RAW}/speechbrain/speechbrain/9c826ef3937b/tests/samples/single-mic/example1.wav",
            104390,
            "bf2dde5cb516939ff619d62fc07d4f4bec5b5d521aee3d07ae51828c9d93be0b",
            "Apache-2.0",
        ),
    ),
}


def public_samples(modality: str, preparation: Any, folder: Path, progress: Progress) -> Samples:
    """Download the set into a folder (once) and prepare it.

    Raises:
        SourceError: a file cannot be fetched, or is not the published one.
    """
    for file in PUBLIC[modality]:
        download(file, folder / modality, progress)
    what = "public set: " + ", ".join(sorted({file.license for file in PUBLIC[modality]}))
    return from_folder(folder / modality, modality, preparation, what)
