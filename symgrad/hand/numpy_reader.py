"""NumPy code as statements: it is parsed, never executed.

Readable are assignments, loops over ranges and lists, branches, small functions, arithmetic, comparisons, indexing
and the array functions and methods of `operations.py`, under the usual names of their libraries (np, torch, F, math).
Anything else raises ClaimError with its line and column and says what it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from ..language.errors import ClaimError
from .operations import FUNCTIONS, METHODS, PROPERTIES, SPELLINGS
from .statements import (
    Apply,
    Assign,
    Bare,
    Binary,
    Branch,
    Choice,
    Comparison,
    Comprehension,
    Define,
    Expression,
    Item,
    Loop,
    Name,
    Number,
    Return,
    Sequence,
    Slice,
    Span,
    Statement,
    Text,
    Unary,
    Unread,
    assignments,
    names_in,
    target_name,
    temporary,
)

LIBRARIES = ("np", "numpy", "jnp", "torch", "F", "math", "scipy")
IMPORTS = ("numpy", "torch", "torch.nn.functional", "math", "jax.numpy")  # they name a library, and nothing is run
MODULES = ("linalg", "special", "nn", "functional")  # np.linalg.inv is inv
BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "*",  # of two masks
}
COMPARISON = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
UNARY = {ast.USub: "-", ast.UAdd: "+", ast.Not: "not", ast.Invert: "not"}
# Python's own sum, max and min are not NumPy's: of one argument, of several.
BUILT_IN = {"sum": ("sum_items", "sum_items"), "max": ("max", "maximum"), "min": ("min", "minimum")}
CONSTANTS = {"pi", "e", "inf"}
TYPES = ("float64", "float32", "float", "int", "int64", "double", "long", "bool")


def read_numpy(source: str) -> tuple[Statement, ...]:
    """The statements of the code.  Raises ClaimError for what is no Python and for what is not readable."""
    return NumpyReader(source).statements()


class NumpyReader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.splitlines(keepends=True) or [""]
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.defined: set[str] = set()

    def statements(self) -> tuple[Statement, ...]:
        try:
            tree = ast.parse(self.source)
        except SyntaxError as error:
            column = error.offset or 1
            raise ClaimError(f"this is no Python: {error.msg}", error.lineno, column) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise ClaimError(f"this is no Python: {error}") from None
        try:
            return tuple(statement for node in tree.body for statement in self.top(node))
        except RecursionError:
            raise ClaimError("an expression is nested too deeply to be read; split it into lines") from None

    def span(self, node: ast.AST) -> Span:
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
        )

    def offset(self, line: int, column: int) -> int:
        """Python counts columns in bytes of UTF-8."""
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode(errors="ignore"))

    def unreadable(self, node: ast.AST, what: str) -> ClaimError:
        quoted = self.source[slice(*self.span(node))].split("\n")[0]
        column = self.span(node)[0] - self.starts[node.lineno - 1] + 1
        return ClaimError(f"{what}: {quoted}", node.lineno, column)

    # -- statements ------------------------------------------------------------------------------------------------

    def block(self, nodes: Iterable[ast.stmt]) -> tuple[Statement, ...]:
        return tuple(statement for node in nodes for statement in self.statement(node))

    def top(self, node: ast.stmt) -> list[Statement]:
        """A statement of the file itself; one that cannot be read leaves the others readable."""
        try:
            return self.statement(node)
        except ClaimError as error:
            return [Unread(str(error), error.column, changed(node), span=self.span(node))]

    def statement(self, node: ast.stmt) -> list[Statement]:
        span = self.span(node)
        match node:
            case ast.Assign(targets=[*targets], value=value):
                found = self.assigned(targets[0], value, span)
                for target in targets[1:]:  # `a = b = x` is one array of two names
                    first = self.target(targets[0]) if isinstance(targets[0], ast.Name) else None
                    if first is None or isinstance(target, ast.Tuple | ast.List):
                        found += self.assigned(target, value, span)
                    else:
                        found.append(Assign(self.target(target), "", replace(first, span=self.span(value)), span=span))
                return found
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return self.assigned(target, value, span)
            case ast.AugAssign(target=target, op=operator, value=value):
                sign = BINARY.get(type(operator))
                if sign is None:
                    raise self.unreadable(node, "an operator that cannot be read")
                return [Assign(self.target(target), sign, self.expression(value), span=span)]
            case ast.For(target=target, iter=over, body=body, orelse=[]):
                return [Loop(self.variables(target), self.expression(over), self.block(body), span=span)]
            case ast.If(test=test, body=body, orelse=other):
                return [Branch(self.expression(test), self.block(body), self.block(other), span=span)]
            case ast.FunctionDef():
                return [self.function(node)]
            case ast.Return(value=ast.Dict(values=values)):  # {"W1": dW1, "W2": dW2}
                return [Return(Sequence(tuple(map(self.expression, values)), span=span), span=span)]
            case ast.Return(value=ast.expr() as value):
                return [Return(self.expression(value), span=span)]
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass() | ast.Assert():
                return []
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
                return []
            case ast.Expr(value=value):
                return [self.expression_statement(value, span)]
            case ast.Import() | ast.ImportFrom():
                return self.imported(node)
            case ast.While():
                raise self.unreadable(node, "a while loop cannot be read; write a for loop over a range")
        raise self.unreadable(node, f"{described(node)} cannot be read here")

    def assigned(self, target: ast.expr, value: ast.expr, span: Span) -> list[Statement]:
        """One assignment a name: `a, b = b, a` takes its values first."""
        if isinstance(value, ast.Lambda) and isinstance(target, ast.Name):
            names, defaults = self.parameters(value.args, value)
            self.defined.add(target.id)
            body = (Return(self.expression(value.body), span=self.span(value.body)),)
            return [Define(target.id, names, defaults, body, span=span)]
        if not isinstance(target, ast.Tuple | ast.List):
            return [Assign(self.target(target), "", self.expression(value), span=span)]
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            values = [self.expression(part) for part in value.elts]
            targets = [self.target(part) for part in target.elts]
            made = {target_name(one) for one in targets}
            if not any(made & names_in(one) for one in values):
                return [Assign(one, "", part, span=span) for one, part in zip(targets, values, strict=True)]
            kept = [Name(temporary(k, span[0]), span=part.span) for k, part in enumerate(values)]
            return [Assign(Name(name.name), "", part, span=span) for name, part in zip(kept, values, strict=True)] + [
                Assign(one, "", name, span=span) for one, name in zip(targets, kept, strict=True)
            ]
        whole = self.expression(value)
        return [
            Assign(self.target(part), "", Item(whole, (Number(k),), span=whole.span), span=span)
            for k, part in enumerate(target.elts)
        ]

    def target(self, node: ast.expr) -> Name | Item:
        read = self.expression(node)
        if isinstance(read, Name) or (isinstance(read, Item) and isinstance(innermost(read), Name)):
            return read
        raise self.unreadable(node, "this cannot be assigned to; expected a name or entries of an array")

    def variables(self, node: ast.expr) -> tuple[str, ...]:
        names = node.elts if isinstance(node, ast.Tuple) else [node]
        if not all(isinstance(name, ast.Name) for name in names):
            raise self.unreadable(node, "expected names of loop variables")
        return tuple(name.id for name in names)

    def function(self, node: ast.FunctionDef) -> Define:
        if node.decorator_list:
            raise self.unreadable(node.decorator_list[0], "a decorator cannot be read")
        names, defaults = self.parameters(node.args, node)
        self.defined.add(node.name)
        body = self.block(node.body)
        if not body or not isinstance(body[-1], Return):
            raise self.unreadable(node, "a function whose last line is no return cannot be read")
        own: set[str] = set()
        for line in assignments(body):
            if isinstance(line.target, Name) and not line.operator:
                own.add(line.name)
            elif line.name in names and line.name not in own:
                raise self.unreadable(node, f"it changes its argument {line.name} in place; let it return a new array")
        return Define(node.name, names, defaults, body, span=self.span(node))

    def parameters(self, arguments: ast.arguments, node: ast.AST) -> tuple[tuple[str, ...], tuple[Expression, ...]]:
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
            raise self.unreadable(node, "only plain parameters can be read")
        names = tuple(argument.arg for argument in arguments.args)
        return names, tuple(self.expression(default) for default in arguments.defaults)

    def expression_statement(self, node: ast.expr, span: Span) -> Statement:
        if isinstance(node, ast.Call) and (out := next((k for k in node.keywords if k.arg == "out"), None)) is not None:
            rest = ast.Call(node.func, node.args, [k for k in node.keywords if k is not out])
            place = self.target(out.value)  # np.exp(a, out=h) is h[...] = np.exp(a)
            target = Item(place, (Slice(rest=True, span=place.span),), span=place.span)
            return Assign(target, "", self.expression(ast.copy_location(rest, node)), span=span)
        value = self.expression(node)
        match value:
            case Apply("add.at" | "subtract.at" as function, (target, places, added)):
                where = places.items if isinstance(places, Sequence) else (places,)
                sign = "+" if function == "add.at" else "-"
                return Assign(Item(target, where, span=target.span), sign, added, repeated=True, span=span)
            case Apply("append", (Name() as items, item)):
                extended = Binary("+", items, Sequence((item,), span=item.span), span=span)
                return Assign(items, "", extended, span=span)
        return Bare(value, span=span)

    def imported(self, node: ast.Import | ast.ImportFrom) -> list[Statement]:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        if all(name in IMPORTS for name in names):
            return []
        raise self.unreadable(node, "an import cannot be read; nothing of the file is run")

    # -- expressions -----------------------------------------------------------------------------------------------

    def expression(self, node: ast.expr) -> Expression:
        span = self.span(node)
        match node:
            case ast.Constant(value=bool() as value):
                return Number(int(value), span=span)
            case ast.Constant(value=int() | float() as value):
                return Number(value, span=span)
            case ast.Constant(value=str() as value):
                return Text(value, span=span)
            case ast.Name(id="float" | "int" | "bool" as name):
                return Name(f"np.{name}", span=span)  # a dtype; float(a) is a call
            case ast.Name(id=name):
                return Name(name, span=span)
            case ast.UnaryOp(op=operator, operand=operand):
                return Unary(UNARY[type(operator)], self.expression(operand), span=span)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in BINARY:
                return Binary(BINARY[type(operator)], self.expression(left), self.expression(right), span=span)
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in COMPARISON:
                sign = COMPARISON[type(operator)]
                return Comparison(sign, self.expression(left), self.expression(right), span=span)
            case ast.IfExp(test=test, body=then, orelse=other):
                return Choice(*map(self.expression, (test, then, other)), span=span)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return Sequence(tuple(map(self.expression, items)), span=span)
            case ast.Subscript(value=array, slice=places):
                return Item(self.expression(array), self.places(places), span=span)
            case ast.ListComp(elt=body, generators=[one]) | ast.GeneratorExp(elt=body, generators=[one]) if not one.ifs:
                return Comprehension(
                    self.expression(body), self.variables(one.target), self.expression(one.iter), span=span
                )
            case ast.Attribute(value=inner, attr=name):
                return self.attribute(node, inner, name)
            case ast.Call():
                return self.call(node)
        raise self.unreadable(node, f"{described(node)} cannot be read")

    def places(self, node: ast.expr) -> tuple[Expression | None, ...]:
        return tuple(self.place(place) for place in (node.elts if isinstance(node, ast.Tuple) else [node]))

    def place(self, node: ast.expr) -> Expression | None:
        match node:
            case ast.Constant(value=None):
                return None
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="newaxis"):
                return None
            case ast.Constant(value=value) if value is Ellipsis:
                return Slice(rest=True, span=self.span(node))
            case ast.Slice(lower=lower, upper=upper, step=step):
                parts = (self.expression(part) if part is not None else None for part in (lower, upper, step))
                return Slice(*parts, span=self.span(node))
        return self.expression(node)

    def attribute(self, node: ast.Attribute, inner: ast.expr, name: str) -> Expression:
        path = dotted(node)
        if path and path[0] in LIBRARIES:
            if name in CONSTANTS or name in TYPES:
                return Name(f"np.{name}", span=self.span(node))
            raise self.unreadable(node, "a name of a library that cannot be read")
        if name in PROPERTIES:
            return Apply(PROPERTIES[name], (self.expression(inner),), span=self.span(node))
        known = ", ".join(PROPERTIES)
        raise self.unreadable(node, f"the attribute .{name} cannot be read (there are {known}, and array methods)")

    def call(self, node: ast.Call) -> Expression:
        function, own = self.called(node.func)
        if isinstance(node.func, ast.Name) and function in BUILT_IN and function not in self.defined:
            function = BUILT_IN[function][len(node.args) > 1]
        self.refuse_whole_numbers(node, function)
        match node:
            case ast.Call(args=[ast.Starred(value=rows)], keywords=[]) if function == "zip":
                return Apply("turned", (self.expression(rows),), span=self.span(node))
        if any(keyword.arg == "out" for keyword in node.keywords):
            raise self.unreadable(node, "`out=` can only be read in a line of its own")
        if any(isinstance(argument, ast.Starred) for argument in node.args) or None in [k.arg for k in node.keywords]:
            raise self.unreadable(node, "arguments with a star cannot be read")
        arguments = own + tuple(self.expression(argument) for argument in node.args)
        keywords = tuple((str(keyword.arg), self.expression(keyword.value)) for keyword in node.keywords)
        return Apply(function, arguments, keywords, span=self.span(node))

    def refuse_whole_numbers(self, node: ast.Call, function: str) -> None:
        """An array of integers cuts fractions off; only masks and ids, which have none, may be made one."""
        types = [keyword.value for keyword in node.keywords if keyword.arg == "dtype"]
        if function == "as_type":
            types += node.args[:1]
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Compare):
                return
        for kind in types:
            words = dotted(kind) or (str(getattr(kind, "value", "")),)
            if words[-1].startswith(("int", "uint", "long", "bool")) and function not in ("arange", "one_hot", "eye"):
                raise self.unreadable(node, "whole numbers cut fractions off; leave the type out")

    def called(self, node: ast.expr) -> tuple[str, tuple[Expression, ...]]:
        """The plain word of a function, and the array that a method is called on."""
        match node:
            case ast.Name(id=name):
                word = SPELLINGS.get(name, name)
                if name in self.defined or word in FUNCTIONS:
                    return name if name in self.defined else word, ()
                raise self.unreadable(node, "a function that is not known; define it in the file (def, one return)")
            case ast.Attribute(value=inner, attr=name):
                path = dotted(node)
                if path and path[0] in LIBRARIES:
                    word = ".".join(part for part in path[1:] if part not in MODULES)
                    word = SPELLINGS.get(word, word)
                    if word in FUNCTIONS:
                        return word, ()
                    raise self.unreadable(node, "a function of a library that cannot be read")
                word = SPELLINGS.get(name, name)
                if word in METHODS:
                    return word, (self.expression(inner),)
                raise self.unreadable(node, f"the method .{name} cannot be read")
        raise self.unreadable(node, "a call that cannot be read")


def changed(node: ast.stmt) -> tuple[str, ...]:
    """The names that a statement which is not understood may change: its targets, what is handed to a call first."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef():
            return ()
        case ast.Assign(targets=parts):
            pass
        case ast.AugAssign(target=part) | ast.AnnAssign(target=part):
            parts = [part]
        case ast.Expr(value=ast.Call(func=function, args=arguments, keywords=keywords)):
            parts = [function, *arguments[:1], *(keyword.value for keyword in keywords if keyword.arg == "out")]
        case _:
            parts = [node]
    return tuple({inner.id for part in parts for inner in ast.walk(part) if isinstance(inner, ast.Name)})


def innermost(node: Expression) -> Expression:
    while isinstance(node, Item):
        node = node.array
    return node


def dotted(node: ast.expr) -> tuple[str, ...]:
    """The words of np.linalg.inv; empty where it does not begin with a name."""
    words: list[str] = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    return (node.id, *reversed(words)) if isinstance(node, ast.Name) else ()


def described(node: ast.AST) -> str:
    """`a class definition` for ClassDef."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in type(node).__name__).strip()
    words = words.replace(" def", " definition")
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
