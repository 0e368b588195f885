"""Random diagrams, for the tests that read a drawing back."""

from __future__ import annotations

from random import Random

from backprop_cli.draw.diagram import Arrow, Box, Diagram

NUMBERS = ["0", "1", "-4", "0.5", "-0.1471", "1e-7", "-2.5e14", "undefined", "infinity", "-infinity"]


def random_diagram(random: Random, most: int = 14) -> Diagram:
    """Return a diagram of nodes n0, n1, … with several uses, operands used twice, and unused nodes."""
    count = random.randint(1, most)
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    # Near operands make deep graphs, far ones tangled graphs.
    reach = random.choice([2, 4, most])
    for node in range(count):
        arity = random.choice([0, 1, 1, 2, 2, 2, 3]) if node else 0
        low = max(0, node - reach)
        operands = [random.randrange(low, node) for _ in range(arity)]
        arrows += [Arrow(x, node, argnum, random.choice(NUMBERS)) for argnum, x in enumerate(operands)]
        text = f"f({', '.join(f'n{x}' for x in operands)})" if operands else ""
        role = "output" if node == count - 1 else "step" if operands else "input"
        numbers = random.choice(NUMBERS), random.choice(NUMBERS)
        boxes.append(
            Box(f"n{node}", text, *numbers, role, kink="kink" if text and random.random() < 0.1 else "")
        )
    return Diagram("", boxes[-1].id, tuple(boxes), tuple(arrows), has_numbers=True)


def uses(diagram: Diagram) -> list[tuple[str, str]]:
    """Return the arrows by the names of their ends, in order."""
    boxes = diagram.boxes
    return sorted((boxes[arrow.source].id, boxes[arrow.target].id) for arrow in diagram.arrows)
