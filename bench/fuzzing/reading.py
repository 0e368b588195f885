"""Programs read from text, by Python's own grammar: for what is no random program."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from backprop_cli.operations.table import FUNCTIONS
from fuzzing.programs import Node, Program, pruned

_INFIX = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}


def read_program(text: str, point: Mapping[str, float], upstream: float = 1.0) -> Program:
    """Return a program at a point: plain statements with + - * / ^ and calls, without defaults of inputs."""
    reader = _Reader()
    for statement in ast.parse(text.replace("^", "**").replace("; ", "\n")).body:
        reader.read(statement)
    return pruned(Program(tuple(reader.nodes[: reader.output + 1]), dict(point), upstream=upstream))


class _Reader:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.place: dict[Node, int] = {}
        self.env: dict[str, int] = {}
        self.output = 0

    def read(self, statement: ast.stmt) -> None:
        node = self.node(statement.value)  # type: ignore[attr-defined]
        if isinstance(statement, ast.Assign):
            (target,) = statement.targets
            self.env[target.id] = node  # type: ignore[attr-defined]
        self.output = node

    def add(self, node: Node) -> int:
        if node not in self.place:
            self.place[node] = len(self.nodes)
            self.nodes.append(node)
        return self.place[node]

    def node(self, e: ast.AST) -> int:
        """Return the node of an expression; one that stands twice is one node."""
        match e:
            case ast.Constant():
                return self.add(Node("number", leaf=float(e.value)))  # type: ignore[arg-type]
            case ast.Name("pi"):
                return self.add(Node("number", leaf="pi"))
            case ast.Name():
                return self.env[e.id] if e.id in self.env else self.add(Node("input", leaf=e.id))
            case ast.UnaryOp(ast.USub()):
                return self.add(Node("neg", (self.node(e.operand),)))
            case ast.BinOp():
                return self.add(Node(_INFIX[type(e.op)], (self.node(e.left), self.node(e.right))))
            case ast.Compare():
                operands = (self.node(e.left), self.node(e.comparators[0]))
                return self.add(Node(_INFIX[type(e.ops[0])], operands))
            case ast.Call():
                op = FUNCTIONS[e.func.id].name  # type: ignore[attr-defined]
                return self.add(Node(op, tuple(map(self.node, e.args))))
        raise ValueError(ast.dump(e))
