"""A model that a file of claims carries: its declaration is read as syntax and built, never executed.

Readable are assignments and calls of symgrad's and SymPy's declaring functions, arithmetic, indices, tuples, numbers
and names: what a declaration needs.  Strings are names and axes only, for SymPy would run others as code.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

import sympy

from ..language import surface
from ..language.errors import ClaimError, SymgradError
from ..language.matrix_model import MatrixModel
from ..language.model import Model, constant, normal, ones, uniform, zeros

ELEMENTARY = (
    *("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf", "sqrt", "sign"),
    *("Abs", "Max", "Min", "Piecewise", "Rational", "Sum", "KroneckerDelta", "Heaviside", "Eq", "Ne"),
    *("Trace", "Inverse", "Determinant", "Identity", "OneMatrix", "ZeroMatrix", "hadamard_product", "pi", "true"),
)
DECLARING = ("axes", "total", "mean", "maximum", "softmax", "log_softmax", "sigmoid", "relu", "stop_gradient")
SHAPING = ("merged", "split", "concatenated", "size", "argmaximum", "determinant", "inverse")
METHODS = ("parameters", "inputs", "tokens", "states", "settings", "define", "recurrent", "minimize", "update")
MATRIX = ("T", "applyfunc", "inv", "trace")
PLAIN_STRING = re.compile(r"[\w\s:*+,.()-]*")
LARGEST_POWER = 1_000
OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def known_names() -> dict[str, object]:
    """What a declaration may call."""
    names: dict[str, object] = {name: getattr(sympy, name) for name in ELEMENTARY if hasattr(sympy, name)}
    names |= {name: getattr(surface, name) for name in (*DECLARING, *SHAPING) if hasattr(surface, name)}
    starts = {"normal": normal, "uniform": uniform, "constant": constant, "zeros": zeros, "ones": ones}
    return {**names, **starts, "Model": Model, "MatrixModel": MatrixModel}


def declared_model(source: str) -> Model:
    """The model that the declaration builds.  Raises ClaimError for what it may not hold, with its line."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise ClaimError(f"the file's model is no Python: {error}") from None
    reader = Declaration(source)
    for node in tree.body:
        try:
            reader.statement(node)
        except ClaimError:
            raise
        except SymgradError as error:
            raise ClaimError(f"the file's model, line {node.lineno}: {error}", node.lineno) from None
    models = [value for value in reader.names.values() if isinstance(value, Model)]
    if not models:
        raise ClaimError('the file declares no model; write model = Model("name") and its definitions')
    return models[-1]


class Declaration:
    def __init__(self, source: str) -> None:
        self.source = source
        self.names = known_names()

    def refused(self, node: ast.AST, what: str) -> ClaimError:
        quoted = (ast.get_source_segment(self.source, node) or "").split("\n")[0]
        return ClaimError(f"the file's model, line {node.lineno}: {what}: {quoted}", node.lineno, node.col_offset + 1)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Import() | ast.ImportFrom(module="symgrad" | "sympy"):
                if isinstance(node, ast.Import):
                    raise self.refused(node, "only `from sympy import` and `from symgrad import` are read here")
                for alias in node.names:
                    if alias.name not in self.names or alias.asname:
                        raise self.refused(node, f"{alias.name} is not known in a declaration")
            case ast.Assign(targets=[target], value=value):
                self.bind(target, self.value(value))
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.Expr(value=ast.Call() as call):
                self.value(call)
            case _:
                raise self.refused(node, "a declaration holds assignments and calls only")

    def bind(self, target: ast.expr, value: object) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, ast.Tuple) and isinstance(value, tuple) and len(value) == len(target.elts):
            for part, inner in zip(target.elts, value, strict=True):
                self.bind(part, inner)
        else:
            raise self.refused(target, "this cannot be assigned to")

    def value(self, node: ast.expr) -> object:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.Name():
                raise self.refused(node, "the name is not known in a declaration")
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return tuple(self.value(item) for item in items)
            case ast.UnaryOp(op=sign, operand=operand) if type(sign) in OPERATORS:
                return OPERATORS[type(sign)](self.value(operand))
            case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
                return self.power(node, self.value(base), self.value(exponent))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATORS:
                return OPERATORS[type(sign)](self.value(left), self.value(right))
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                return sympy.Eq(self.value(left), self.value(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in OPERATORS:
                return OPERATORS[type(sign)](self.value(left), self.value(right))
            case ast.Subscript(value=array, slice=places):
                return self.value(array)[self.value(places)]
            case ast.Attribute(value=inner, attr="T"):
                return self.value(inner).T
            case ast.Call():
                return self.call(node)
        raise self.refused(node, f"a {type(node).__name__} cannot stand in a declaration")

    def power(self, node: ast.expr, base: object, exponent: object) -> object:
        if isinstance(exponent, int | float) and abs(exponent) > LARGEST_POWER:
            raise self.refused(node, "the exponent is too large")
        return base**exponent

    def call(self, node: ast.Call) -> object:
        function, strings = self.called(node.func)
        arguments = [self.argument(argument, strings and k == 0) for k, argument in enumerate(node.args)]
        keywords = {str(keyword.arg): self.argument(keyword.value, False) for keyword in node.keywords}
        if "None" in keywords:
            raise self.refused(node, "arguments with stars are not read here")
        try:
            return function(*arguments, **keywords)
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise self.refused(node, str(error)) from None

    def called(self, node: ast.expr) -> tuple[Callable, bool]:
        """The function, and whether its first argument is a name, a string."""
        match node:
            case ast.Name(id=name) if callable(self.names.get(name)):
                return self.names[name], name in ("axes", "Model", "MatrixModel")
            case ast.Attribute(value=ast.Name(id=name), attr=method) if isinstance(self.names.get(name), Model):
                if method in METHODS:
                    return getattr(self.names[name], method), True
            case ast.Attribute(value=inner, attr="applyfunc" | "inv" | "trace" as method):
                return getattr(self.value(inner), method), False
        raise self.refused(node, "this cannot be called in a declaration")

    def argument(self, node: ast.expr, strings: bool) -> object:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if strings and PLAIN_STRING.fullmatch(node.value):
                return node.value
            raise self.refused(node, "a string cannot stand here")
        return self.value(node)
