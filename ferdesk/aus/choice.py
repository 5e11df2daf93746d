"""How an estimator of action units is opened by name."""

from ferdesk.aus.base import AuEstimator
from ferdesk.aus.blendshapes import BlendshapeEstimator
from ferdesk.aus.names import NATIVE_BUNDLE, EstimatorName
from ferdesk.aus.native import NativeEstimator
from ferdesk.bundles import find_bundle
from ferdesk.core.bundle import InputSpec
from ferdesk.engines.base import EngineChoice, Precision


def open_estimator(
    name: EstimatorName,
    threads: int = 0,
    precision: Precision = "f32",
    *,
    crops: InputSpec | None = None,
    bundle: str = NATIVE_BUNDLE,
    engine: EngineChoice = "auto",
    wait: bool = True,
) -> AuEstimator:
    """Open an estimator.

    Args:
        name: which one.
        threads: threads its nets may use; 0 lets the engine choose.
        precision: of the native net; see `ferdesk.engines.base.Precision`.
        crops: what the crops are like that it will be handed: the expression net's input. A native
            net with the same takes them; else, and where None, it cuts its own patches.
        bundle: the native net, by name or folder.
        engine: what runs the native net; see `ferdesk.engines.choice.open_net`.
        wait: whether to wait for an engine that takes long to build.

    Raises:
        EngineError: the engine that was named is not there, or gives other answers.
        BundleError: the native net's bundle is missing or not sound.
        ModelError: a net is not installed, or cannot be loaded.
    """
    if name == "blendshapes":
        return BlendshapeEstimator(threads)
    folder = find_bundle(bundle, "action_units")
    return NativeEstimator(folder, threads, precision, crops, engine, wait)
