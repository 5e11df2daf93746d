"""What the analysis of one input came to, for people and programs."""

from pydantic import BaseModel, ConfigDict


class Summary(BaseModel):
    """What the analysis of one input came to.

    Attributes:
        input: as it was named; of a stream only the host.
        frames: how many were analysed.
        frames_with_face: how many of them had at least one face.
        faces_max: most faces in one frame.
        seconds: how long the analysis took.
        fps: frames analysed a second, decoding and writing included.
        stage_ms: mean milliseconds a frame that each stage took, "decode" and "write" among them
            (drawing and encoding run beside them; "write" is the wait for their queue and the
            writing of the table).
        faces_backend: which face models ran.
        engine: what ran the expression net.
        bundle: which expression net ran.
        au_estimator: what estimated action units; empty where nothing did.
        disambiguator: which SVMs decided between expressions that the net could not tell apart;
            empty where none belong to the estimator and the net, or none were wanted.
        t2: the top two expressions were contested if their probabilities differed by less, 0..1;
            the user's or the SVMs' own; None without SVMs.
        t3: likewise the top three, by the first's and the third's.
        neutral: the neutral profile that was taken off the largest face's units; empty for none.
        warning: what the user should know though the analysis went on.
        error: why it could not be ended, or not even begun; what was written before is valid.
        broken_input: whether `error` lies in the input itself, so that trying again is of no use.
        interrupted: whether the user stopped it.
        files: what was written.
        done_before: whether all this comes from an earlier run, whose results are still whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: str
    frames: int = 0
    frames_with_face: int = 0
    faces_max: int = 0
    seconds: float = 0.0
    fps: float = 0.0
    stage_ms: dict[str, float] = {}
    faces_backend: str
    engine: str
    bundle: str
    au_estimator: str = ""
    disambiguator: str = ""
    t2: float | None = None
    t3: float | None = None
    neutral: str = ""
    warning: str | None = None
    error: str | None = None
    broken_input: bool = False
    interrupted: bool = False
    files: tuple[str, ...] = ()
    done_before: bool = False
