"""TensorRT as far as it can be tried without a GPU: all but TensorRT itself."""

import inspect
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_material import SIZE, batch_of, shipped_net

from ferdesk.bundles import find_bundle
from ferdesk.core.errors import EngineError, ModelError
from ferdesk.engines import tensorrt
from ferdesk.engines.net import Net
from ferdesk.engines.reference import PARITY, Reference
from ferdesk.engines.tensorrt import TensorRtEngine, cache_places, compile_options, padded

torch = pytest.importorskip("torch")

TORCH_TENSORRT = "2.14.0"
# fmt: off
KEYWORDS = frozenset({
    "arg_inputs", "assume_dynamic_shape_support", "attn_bias_is_causal",
    "autocast_calibration_dataloader", "autocast_excluded_nodes", "autocast_excluded_ops",
    "autocast_low_precision_type", "autocast_max_depth_of_reduction",
    "autocast_max_output_threshold", "cache_built_engines", "cpu_memory_budget",
    "custom_engine_cache", "decompose_attention", "device", "disable_tf32",
    "disabled_constant_fold_exclusions", "dla_global_dram_size", "dla_local_dram_size",
    "dla_sram_size", "dryrun", "dynamically_allocate_resources", "enable_autocast",
    "enable_experimental_decompositions", "enable_resource_partitioning", "enable_weight_streaming",
    "engine_cache_dir", "engine_cache_size", "engine_capability", "fallback_data_dependent_ops",
    "hardware_compatible", "immutable_weights", "inputs", "kwarg_inputs", "l2_limit_for_tiling",
    "lazy_engine_init", "max_aux_streams", "min_block_size", "num_avg_timing_iters",
    "offload_module_to_cpu", "optimization_level", "pass_through_build_failures",
    "refit_identical_engine_weights", "require_full_compilation", "reuse_cached_engines",
    "sparse_weights", "strip_engine_weights", "tiling_optimization_level", "timing_cache_path",
    "torch_executed_modules", "torch_executed_ops", "truncate_double", "use_complex_decomposition",
    "use_distributed_mode_trace", "use_fast_partitioner", "use_fp32_acc", "use_python_runtime",
    "version_compatible", "workspace_size",
})
# fmt: on
"""What `torch_tensorrt.dynamo.compile` of that version takes, read off its wheel. It swallows all
other keywords without a word."""

GPU = ("Some GPU", "9.0", "driver 1", "tensorrt-cu13 11.1", "torch-tensorrt 2.14.0")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FERDESK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Compiler(types.ModuleType):
    """Stands for torch_tensorrt: `compile` gives the program as it is."""

    def __init__(self) -> None:
        super().__init__("torch_tensorrt")
        self.calls: list[dict[str, Any]] = []
        self.batches: list[tuple[int, Any]] = []
        self.graphs: list[bool] = []
        self.dynamo = types.SimpleNamespace(compile=self.compile)
        self.runtime = types.SimpleNamespace(set_cudagraphs_mode=self.graphs.append)
        self.Input = lambda **values: values

    def compile(self, program: Any, **options: Any) -> Callable[[Any], Any]:
        self.calls.append(options)
        module = program.module()

        def run(x: Any) -> Any:
            self.batches.append((len(x), x.dtype))
            return module(x)

        return run


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    found = Compiler()
    monkeypatch.setattr(tensorrt, "load", lambda: found)
    monkeypatch.setattr(tensorrt, "devices", lambda: ("CUDA",))
    monkeypatch.setattr(tensorrt, "machine_words", lambda: GPU)
    monkeypatch.setattr(tensorrt, "_DEVICE", "CPU")
    monkeypatch.setattr(tensorrt, "_pinned", lambda shape, number: torch.empty(shape, dtype=number))
    monkeypatch.setattr(tensorrt, "_on_gpu", lambda rows: rows.clone())
    return found


@pytest.mark.parametrize("half", [True, False])
def test_the_compiler_knows_every_keyword(half: bool) -> None:
    options = compile_options(Path("engines"), Path("timings.bin"), half)
    assert {"arg_inputs", *options} <= KEYWORDS
    assert options["disable_tf32"] is not half
    assert options["immutable_weights"] is False, "or the engine cache is left out"


def test_the_keywords_are_those_of_the_installed_version() -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch_tensorrt loads with a GPU only")
    compile_ = tensorrt.load().dynamo.compile
    assert (
        compile_options(Path("e"), Path("t"), True).keys()
        <= inspect.signature(compile_).parameters.keys()
    )


def test_half_precision_gives_the_reference(small: Net, compiler: Compiler) -> None:
    said: list[str] = []
    engine = TensorRtEngine(small, "auto", said.append)
    assert engine.name == "tensorrt CUDA f16"
    assert said == ["loading", "building", "checking"]
    assert 0 < Reference.read(small).difference(engine) <= PARITY
    assert {number for _, number in compiler.batches} == {torch.float16}
    engine.close()


def test_half_precision_of_a_shipped_bundle(compiler: Compiler) -> None:
    net = shipped_net(find_bundle("compact-ferplus"), "expression")
    engine = TensorRtEngine(net, "auto", lambda state: None)
    reference = Reference.read(net)
    found = engine.run(reference.batch)
    assert list(found) == [net.wanted]
    np.testing.assert_allclose(found[net.wanted], reference.answers, atol=0.05)
    engine.close()


def test_single_precision_is_exact(small: Net, compiler: Compiler) -> None:
    engine = TensorRtEngine(small, "f32", lambda state: None)
    assert engine.name == "tensorrt CUDA f32"
    assert Reference.read(small).difference(engine) <= 1e-5
    (options,) = compiler.calls
    (entry,) = options["arg_inputs"]
    assert entry == {
        "min_shape": (1, 1, SIZE, SIZE),
        "opt_shape": (1, 1, SIZE, SIZE),
        "max_shape": (16, 1, SIZE, SIZE),
        "dtype": torch.float32,
    }
    engine.close()


def test_batches_are_split_and_padded(small: Net, compiler: Compiler) -> None:
    engine = TensorRtEngine(small, "f32", lambda state: None)
    rows = batch_of(35)
    together = engine.run(rows)[small.wanted]
    assert [n for n, _ in compiler.batches] == [16, 16, 4]
    assert together.shape == (35, 8)
    assert together.dtype == np.float32
    for n in (1, 3, 17):
        np.testing.assert_allclose(engine.run(rows[:n])[small.wanted], together[:n], atol=1e-5)
    with pytest.raises(ValueError, match="rows of"):
        engine.run(np.zeros((1, 1, 40, 40), np.float32))
    engine.close()


def test_sizes_of_batches() -> None:
    assert [padded(n) for n in (1, 2, 3, 4, 5, 9, 16)] == [1, 2, 4, 4, 8, 16, 16]


def test_nothing_is_recorded_while_something_is_built(small: Net, compiler: Compiler) -> None:
    TensorRtEngine(small, "f32", lambda state: compiler.graphs.append(state)).close()  # type: ignore[arg-type]
    assert compiler.graphs == ["loading", False, "building", True, "checking"]


def test_a_net_that_tensorrt_does_not_compile(
    small: Net, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(program: Any, **options: Any) -> Any:
        raise RuntimeError("no converter for this")

    monkeypatch.setattr(compiler.dynamo, "compile", fails)
    with pytest.raises(EngineError, match="does not compile small: no converter for this"):
        TensorRtEngine(small, "auto", lambda state: None)
    assert compiler.graphs[-1] is True


def test_places_are_by_machine_net_and_precision(small: Net, cache: Path) -> None:
    engines, timings = cache_places(small, True, GPU)
    assert engines.is_relative_to(cache)
    assert timings.parent == engines.parent
    others = {cache_places(small, False, GPU)[0]}
    for index in range(len(GPU)):
        changed = (*GPU[:index], "other", *GPU[index + 1 :])
        others.add(cache_places(small, True, changed)[0])
    another = Net(small.folder, "x", {"a": "b"}, small.outputs, small.wanted, 8, SIZE)
    others.add(cache_places(another, True, GPU)[0])
    assert len(others - {engines}) == len(GPU) + 2
    assert cache_places(small, True, GPU) == (engines, timings)


def test_a_cache_that_others_can_reach_is_refused(
    small: Net, cache: Path, compiler: Compiler
) -> None:
    engines, _ = cache_places(small, True, GPU)
    engines.chmod(0o755)
    with pytest.raises(EngineError, match="not yours alone"):
        TensorRtEngine(small, "auto", lambda state: None)
    assert not compiler.calls


def test_without_a_gpu_it_is_said_before_anything_is_loaded(small: Net) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(EngineError, match="needs an NVIDIA GPU"):
        TensorRtEngine(small, "auto", lambda state: None)


def test_a_package_that_does_not_load(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without TensorRT's libraries it prints, and raises a bare Exception."""
    (tmp_path / "torch_tensorrt.py").write_text("print('oh no'); raise Exception('no libnvinfer')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch_tensorrt", raising=False)
    with pytest.raises(EngineError, match="does not load: no libnvinfer"):
        tensorrt.load()
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "oh no\n")


def test_a_program_that_is_refused_is_not_taken_for_a_compilers_failure(
    small: Net, compiler: Compiler, tmp_path: Path
) -> None:
    (tmp_path / "model.pt2").write_bytes(b"nothing")
    odd = Net(tmp_path, "odd", small.files, small.outputs, small.wanted, 8, SIZE)
    with pytest.raises(ModelError, match="cannot be read as a torch program"):
        TensorRtEngine(odd, "auto", lambda state: None)
