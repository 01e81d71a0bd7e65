"""`python -m benchmarks.algorithms`: how far each update rule is from its peers after 100 steps."""

from __future__ import annotations

import importlib.util

from benchmarks.algorithms.peers import PEERS, difference


def main() -> None:
    """The table of benchmarks/README.md."""
    print("| rule | peer | largest relative difference | allowed |\n|---|---|---|---|")
    for name, peer in sorted(PEERS.items(), key=lambda item: item[1].rule):
        there = not peer.needs or importlib.util.find_spec(peer.needs) is not None
        told = f"{difference(peer):.1e}" if there else "not installed"
        print(f"| {peer.rule} | {name} | {told} | {peer.tolerance:.0e} {peer.why} |", flush=True)


main()
