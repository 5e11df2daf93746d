"""Small data sets in the layouts of TFD, Oulu-CASIA, SFEW, MMI, BU-4DFE, IMDB-WIKI, all drawn."""

from fractions import Fraction

import av
import numpy as np
from dataset_trees import drawing, save

OULU = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")
BU4DFE = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise")
SFEW = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")


def clip_folders(root, subjects, words, frames=3, suffix=".jpeg", first=0):
    """<subject>/<expression>/000.jpeg and so on."""
    seed = 0
    for subject in subjects:
        for word in words:
            for number in range(first, first + frames):
                seed += 1
                save(root / subject / word / f"{number:03d}{suffix}", drawing(seed, 40))
    return root


def sfew_parts(root, folders=("Train", "Val"), each=2):
    for place, folder in enumerate(folders):
        for word in SFEW:
            for number in range(each):
                seed = place * 1000 + SFEW.index(word) * 10 + number
                save(root / folder / word / f"Film{place}_{seed:06d}.png", drawing(seed, 40))
    return root


def save_mat(path, content, **options):
    import scipy.io

    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(str(path), content, **options)
    return path


def tfd_content(side=48, count=14):
    """Every label twice and -1 twice; the last two faces are not labelled."""
    images = np.stack([drawing(i, side) for i in range(count + 2)])
    labels = np.array([1 + i % 7 for i in range(count)] + [-1, -1], np.int8)[:, None]
    people = np.array([i // 2 for i in range(count)] + [-1, -1], np.int16)[:, None]
    folds = np.array(
        [[1 + (i + fold) % 3 for fold in range(5)] for i in range(count)] + [[0] * 5] * 2, np.uint8
    )
    return {"images": images, "labs_ex": labels, "labs_id": people, "folds": folds}


def cells(texts):
    found = np.empty((1, len(texts)), object)
    for place, text in enumerate(texts):
        found[0, place] = text
    return found


def wiki_struct(rows, **more):
    """A struct of (full_path, dob, photo_taken, gender, name, face_score, second_face_score)."""
    columns = list(zip(*rows, strict=True))
    struct = {"full_path": cells(columns[0]), "name": cells(columns[4])}
    for place, name in (
        (1, "dob"),
        (2, "photo_taken"),
        (3, "gender"),
        (5, "face_score"),
        (6, "second_face_score"),
    ):
        struct[name] = np.array([columns[place]], np.float64)
    return {**struct, **more}


def coded(number, width=64, height=48):
    """A picture that tells its number: eight bars, dark or light."""
    image = np.zeros((height, width, 3), np.uint8)
    for bit in range(8):
        if number >> bit & 1:
            image[:, bit * width // 8 : (bit + 1) * width // 8] = 220
    return image


def decoded(image):
    """The number that a picture tells."""
    bars = image[:, :, 1].reshape(image.shape[0], 8, -1).mean(axis=(0, 2))
    return sum(1 << bit for bit, value in enumerate(bars) if value > 110)


def make_clip(path, frames=30, codec="mpeg4", gop=12, form=None, options=None):
    """A video whose frames tell their numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.gop_size = gop
        stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(coded(number), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def mmi_session(root, number, name="S001-001", emotion=4, view="0", subject="1", frames=9):
    """One session's folder with a clip and its XML files."""
    folder = root / "Sessions" / str(number)
    make_clip(folder / f"{name}.avi", frames)
    who = f'<subject id="{subject}"/>' if subject else ""
    (folder / "session.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<session>{who}<track filename="{name}.avi" view="{view}"/></session>'
    )
    (folder / f"{name}.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<sample><Metatag Name="Comment" Value="x"/>'
        f'<Metatag Name="Emotion" Value="{emotion}"/></sample>'
    )
    return folder


def unit_xml(folder, name, units):
    """An AU file; units: number -> markers (frame from 1, phase)."""
    inner = "".join(
        f'<ActionUnit Number="{number}">'
        + "".join(f'<Marker Frame="{frame}" Type="{phase}"/>' for frame, phase in markers)
        + "</ActionUnit>"
        for number, markers in units.items()
    )
    (folder / f"{name}-oao_aucs.xml").write_text(f"<annotation>{inner}</annotation>")
