"""Orders of boxes that cross few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def order_of_rows(sources: Sequence[Sequence[int]], uses: Sequence[int]) -> list[int]:
    """Return the nodes such that few values are needed at a time: each operand's own operands before it.

    The operand that takes most lanes comes first.
    Source: Sethi & Ullman, The generation of optimal code for arithmetic expressions, JACM 17 (1970).
    """
    lanes: list[int] = []
    ordered: list[list[int]] = []
    for operands in sources:
        ordered.append(sorted(operands, key=lambda operand: -lanes[operand]))
        needs = [lanes[operand] + place for place, operand in enumerate(ordered[-1])]
        lanes.append(max(needs, default=1))
    order: list[int] = []
    seen = bytearray(len(sources))
    for sink in (node for node, count in enumerate(uses) if not count):
        stack = [(sink, False)]
        while stack:
            node, is_ready = stack.pop()
            if is_ready:
                order.append(node)
            elif not seen[node]:
                seen[node] = 1
                stack.append((node, True))
                stack += [(operand, False) for operand in reversed(ordered[node])]
    return order


def choose_columns(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """Return the column of each box: behind its operands, an input right before its first use."""
    column = [0] * count
    is_target = [False] * count
    for source, target in sorted(arrows, key=lambda arrow: arrow[1]):
        column[target] = max(column[target], column[source] + 1)
        is_target[target] = True
    first_use: dict[int, int] = {}
    for source, target in arrows:
        first_use[source] = min(first_use.get(source, column[target]), column[target])
    return [
        first_use[box] - 1 if not is_target[box] and box in first_use else column[box] for box in range(count)
    ]


def _median(ranks: list[float], default: float) -> float:
    if not ranks:
        return default
    ranks.sort()
    half = len(ranks) // 2
    return ranks[half] if len(ranks) % 2 else (ranks[half - 1] + ranks[half]) / 2


def inversions(values: Sequence[float]) -> int:
    """Return how many pairs are out of order, by a binary indexed tree."""
    places = {value: i for i, value in enumerate(sorted(set(values)), 1)}
    tree = [0] * (len(places) + 1)
    found = 0
    for seen, value in enumerate(values):
        i, below = places[value], 0
        while i:
            below += tree[i]
            i &= i - 1
        found += seen - below
        i = places[value]
        while i < len(tree):
            tree[i] += 1
            i += i & -i
    return found


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the rising sequence nearest to values in least squares: neighbours out of order are pooled.

    Source: Barlow et al., Statistical Inference under Order Restrictions, 1972.
    """
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, total, count = pools.pop()
            both = total + pool[1]
            pool = ((mean * total + pool[0] * pool[1]) / both, both, count + pool[2])
        pools.append(pool)
    return [mean for mean, _, count in pools for _ in range(count)]
