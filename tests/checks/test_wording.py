"""The shared words and patches of the checks."""

from __future__ import annotations

from luthier.checks import wording
from luthier.findings import Edit, Place

SOURCE = """\
def train():
    for x, y in loader:
        loss = loss_fn(net(x),
                       y)
        loss.backward()
        self.opt.step()
    optimizer.step
    if a: b.step()
    while go(): pass
"""
SOURCES = {"/a.py": SOURCE}


def at(line: int) -> Place:
    return Place(file="/a.py", line=line)


def test_a_statement_over_two_lines_is_found_from_its_second_line() -> None:
    found = wording.statement(SOURCES, at(4))
    assert found is not None
    assert (found.first, found.last, found.indent, found.alone) == (3, 4, "        ", True)


def test_a_loop_head_is_no_simple_statement() -> None:
    assert wording.statement(SOURCES, at(2)) is None


def test_the_owner_of_a_call_is_read_from_the_source() -> None:
    assert wording.owner(SOURCES, at(6), "step") == "self.opt"
    assert wording.owner(SOURCES, at(5), "step") == ""


def test_a_line_goes_before_the_whole_statement_with_its_indentation() -> None:
    assert wording.insert_before(SOURCES, at(4), "opt.zero_grad()") == (
        Edit(file="/a.py", line=3, new=("        opt.zero_grad()",)),
    )


def test_no_patch_where_a_statement_shares_its_line() -> None:
    assert wording.insert_before(SOURCES, at(8), "x") == ()


def test_no_patch_for_a_place_that_is_not_known() -> None:
    assert wording.insert_before(SOURCES, Place(file="/b.py", line=1), "x") == ()
    assert wording.insert_before(SOURCES, None, "x") == ()


def test_a_statement_moves_within_its_block_only() -> None:
    assert wording.move_before(SOURCES, at(6), at(4)) == (
        Edit(file="/a.py", line=6, old=("        self.opt.step()",)),
        Edit(file="/a.py", line=3, new=("        self.opt.step()",)),
    )
    assert wording.move_before(SOURCES, at(7), at(4)) == ()


def test_the_only_statement_of_a_block_is_not_taken_away() -> None:
    sources = {"/a.py": "if a:\n    b()\n"}
    assert wording.replace(sources, at(2)) == ()


def test_a_method_that_is_named_and_not_called_is_found() -> None:
    assert wording.bare_method(SOURCES, "step", "zero_grad") == [
        (Place(file="/a.py", line=7, text="optimizer.step"), "optimizer")
    ]


def test_a_file_that_does_not_parse_gives_no_patch() -> None:
    assert wording.insert_before({"/a.py": "def ("}, at(1), "x") == ()
