"""What every file of the house keeps: the rules of `rules.py` on the tree as it stands."""

from __future__ import annotations

from house import rules
from house.tree import ROOT, project, sources
from luthier import errors

KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
WIDE = {
    "src/luthier/algorithms/rule.py: Rule.update": "the contract of all rules",
    "src/luthier/engines/spec.py: Engine.open": "P has a default; the contract of all engines",
    "src/luthier/engines/jax/engine.py: JaxEngine.open": "as Engine.open",
    "src/luthier/engines/keras/tensorflow/engine.py: TensorflowEngine.open": "as Engine.open",
    "src/luthier/engines/keras/torch.py: TorchBackendEngine.open": "as Engine.open",
    "src/luthier/engines/torch/engine.py: TorchEngine.open": "as Engine.open",
    "src/luthier/engines/torch/attention.py: AttentionTwin.forward": "torch's own signature",
}
"""Public functions with more than four positional arguments, with the reason. May only become fewer."""
PRIVATE = {
    "src/luthier/training/worker.py: os._exit": "documented; ends the program whatever its other threads do",
    "src/luthier/engines/torch/optimizers.py: torch._foreach_mul_": "torch's own optimizers are made of it",
    "src/luthier/engines/torch/step.py: torch._foreach_mul_": "torch's own gradient clipping is made of it",
    "src/luthier/engines/torch/step.py: torch._foreach_norm": "torch's own gradient clipping is made of it",
    "src/luthier/engines/torch/step.py: torch._foreach_clamp_min_": "torch's own clipping by value is made of it",
    "src/luthier/engines/torch/step.py: torch._foreach_clamp_max_": "torch's own clipping by value is made of it",
    "src/luthier/engines/torch/optimizers.py: torch._fused_adamw_": "torch's own fused AdamW is made of it",
    "src/luthier/engines/torch/updates.py: torch._fused_sgd_": "torch's own fused SGD is made of it",
    "src/luthier/engines/torch/compiled.py: torch._inductor": "its `compile` takes a traced graph; documented",
    "src/luthier/engines/torch/recurrent.py: layer._all_weights": "the order of weights that torch's kernel wants",
    "src/luthier/engines/torch/recurrent.py: layer._draws": "of a twin, by the functions that its three kinds share",
    "src/luthier/engines/torch/grouped/recurrent.py: torch._C": "no public name says whether torch.func is at work",
    "src/luthier/engines/torch/grouped/recurrent.py: torch._C._are_functorch_transforms_active": "see above",
    "src/luthier/verbs/check.py: os._exit": "wrapped, so that a program that leaves by it is reported too",
    "src/luthier/verbs/check.py: system._exit": "wrapped, so that a program that leaves by it is reported too",
}
"""Uses of another's private names, with the reason. May only become fewer."""
WATCH = {
    "base._version": (
        "versions tell changes in place; they have no public name",
        "torch/stored.py",
    ),
    "from torch.nn.modules.batchnorm import _NormBase": (
        "the base of all batch and instance norms",
        "torch/models.py",
    ),
    "from torch.utils.data.dataloader import _BaseDataLoaderIter": (
        "the iterator of all loaders; there is no public name",
        "torch/loading.py",
    ),
    "grad._values": (
        "values of a sparse gradient that is not coalesced",
        "torch/measures.py",
    ),
    "grad._version": (
        "versions tell changes in place; they have no public name",
        "torch/measures.py",
    ),
    "group.distributed_c10d._get_default_store": (
        "the store of the process group has no public name",
        "torch/ranks.py",
    ),
    "module._modules": (
        "whether there are layers inside",
        "torch/modules.py",
    ),
    "module._showwarnmsg": (
        "what C and Python show warnings by; a public hook would be seen by the program",
        "messages.py",
    ),
    "part._forward_pre_hooks": (
        "old spectral_norm is such a hook",
        "torch/models.py",
    ),
    "part._parameters": (
        "a bias that was switched off is None here only",
        "torch/models.py",
    ),
    "scaler._scale": (
        "reading the scale publicly waits for the GPU",
        "torch/optimizers.py",
    ),
    "sys._getframe": (
        "documented; the line of the person that is running",
        "lines.py",
        "recorder.py",
        "torch/functions.py",
        "torch/models.py",
        "torch/optimizers.py",
        "torch/reshapes.py",
    ),
    "tensor._base": (
        "what a view is a view of",
        "torch/stored.py",
    ),
    "node._input_metadata": (
        "the shape of a result stands nowhere else in the graph",
        "torch/graphs.py",
    ),
    "node._saved_dim": (
        "the axis that select takes stands nowhere else in the graph",
        "torch/graphs.py",
    ),
    "node._saved_index": (
        "what select takes stands nowhere else in the graph",
        "torch/graphs.py",
    ),
    "node._saved_self_sym_sizes": (
        "the shape that select is given stands nowhere else in the graph",
        "torch/graphs.py",
    ),
    "torch.nn.modules.conv._ConvNd": (
        "the class whose weights are drawn anew has no public name",
        "torch/keeping.py",
    ),
    "tensor._version": (
        "versions tell changes in place; they have no public name",
        "torch/stored.py",
    ),
    "torch._C": (
        "no public name says whether operations are recorded or transformed",
        "torch/samples.py",
        "torch/state.py",
    ),
    "torch._C._functorch": (
        "no public name says whether operations are recorded or transformed",
        "torch/samples.py",
        "torch/state.py",
    ),
    "torch._C._get_tracing_state": (
        "no public name says whether operations are recorded or transformed",
        "torch/state.py",
    ),
    "torch._C._len_torch_dispatch_stack": (
        "no public name says whether operations are recorded or transformed",
        "torch/state.py",
    ),
    "torch._foreach_norm": (
        "torch's own gradient clipping is made of it",
        "torch/changes.py",
    ),
    "values._values": (
        "values of a sparse gradient that is not coalesced",
        "torch/measures.py",
    ),
}
"""The same of the watch of running programs: name -> (reason, files of watching/)."""
PRIVATE |= {f"src/luthier/watching/{file}: {name}": why for name, (why, *files) in WATCH.items() for file in files}
BARE = {
    "src/luthier/runs/journal.py": "the hook of an encoder must raise TypeError",
}
"""Files that raise a builtin error, with the reason."""


def each(rule, *folders: str) -> list[str]:
    """All complaints of a rule."""
    return [complaint for source in sources(*folders) for complaint in rule(source)]


def test_public_functions_take_at_most_four_positional_arguments():
    assert sorted(each(rules.too_many_positional)) == sorted(WIDE)


def test_every_public_function_and_class_has_a_docstring():
    assert each(rules.undocumented) == []


def test_every_test_says_its_promise_by_name_or_docstring():
    assert each(rules.unnamed_tests, "tests") == []


def test_no_module_uses_the_private_names_of_another():
    assert set(each(rules.private_use)) == set(PRIVATE)


def test_errors_say_what_must_hold_or_what_to_do():
    found = each(lambda source: rules.vague_errors(source, KINDS))
    assert [c for c in found if c.partition(":")[0] not in BARE] == []


def test_a_wide_except_says_why():
    assert each(rules.wide_excepts) == []


def test_suppressions_carry_a_code_and_a_reason():
    assert each(rules.unreasoned) == []


def test_a_stranger_can_tell_a_module_by_its_name():
    """No utils, common, misc, helpers, base, manager: a name says what is inside."""
    vague = {"utils", "util", "common", "misc", "helpers", "helper", "base", "manager", "core", "lib"}
    assert [s.name for s in sources() if vague & set(s.module.split("."))] == []


def test_python_files_are_ascii_or_say_why_not():
    """Quotation marks, dashes and spaces that look like others hide faults; Greek letters and x are meant."""
    odd = "\u00a0\u200b\u2018\u2019\u201c\u201d\u2013\u2014"
    assert [s.name for s in sources("src", "tests") if any(c in s.text for c in odd)] == []


def test_line_length_of_the_formatter_is_the_one_that_is_written_down():
    assert f"{project()['tool']['ruff']['line-length']} characters" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")
