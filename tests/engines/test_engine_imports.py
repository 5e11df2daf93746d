"""Engines that nobody asked for are not loaded, and none reports home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ferdesk.bundles import find_bundle

HELP = """
import sys
sys.argv = ["ferdesk", "--help"]
from ferdesk.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""

PIPELINE = """
from ferdesk.pipeline import build_pipeline
from ferdesk.settings import Settings
build_pipeline(Settings(), wait=True).close()
"""

NETS = """
from ferdesk.aus.choice import open_estimator
from ferdesk.bundles import find_bundle
from ferdesk.expression import ExpressionNet
ExpressionNet(find_bundle("compact-ferplus"), 1, "auto", "auto", False).close()
open_estimator("native", 1, "auto", wait=False).close()
assert "openvino" in sys.modules
"""

WINDOW = """
import os
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from ferdesk.settings import Settings
from ferdesk.ui.app import WindowOptions, run
run(Settings(), WindowOptions("demo", exit_after_s=5.0))
"""

LOADED = """
import sys
heavy = {"torch", "torch_tensorrt", "tensorrt", "onnxruntime"} & sys.modules.keys()
assert not heavy, heavy
"""

ONNX_RUNTIME = """
import sys, time
from pathlib import Path
from ferdesk.engines.net import Net
from ferdesk.engines.onnxruntime_engine import OnnxRuntimeEngine
net = Net(Path(sys.argv[1]), "x", {}, ("activations",), "activations", 26, 48)
OnnxRuntimeEngine(net, "CPU", 1).close()
time.sleep(1)
"""


def run(code: str, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("body", [HELP, NETS], ids=["help", "nets"])
def test_openvino_alone_is_loaded(body: str) -> None:
    run("import sys\n" + body + LOADED)


@pytest.mark.parametrize("body", [PIPELINE, WINDOW], ids=["pipeline", "window"])
def test_the_window_loads_openvino_alone(body: str, landmarker_folder: Path) -> None:
    started = body + LOADED + 'assert "openvino" in sys.modules\n'
    run(started, FERDESK_MODELS=str(landmarker_folder))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into a Linux home")
def test_onnx_runtime_makes_no_identifier_of_this_machine(tmp_path: Path) -> None:
    """Without its variable it keeps one, and a store of events, below ~/.cache/Microsoft."""
    pytest.importorskip("onnxruntime")
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    run(ONNX_RUNTIME, str(find_bundle("au-native", "action_units")), **home)
    assert not list(tmp_path.rglob("*"))
