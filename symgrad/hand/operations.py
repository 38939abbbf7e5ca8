"""The array operations that a derivation may use: one row each, its word and its parameters.

The meaning of each stands in `numbers.py` (arrays) and in `formulas.py` (index notation), under the same word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..language.errors import ClaimError

REQUIRED = object()

ELEMENTWISE = (
    *("exp", "log", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "erf", "abs", "sign"),
    *("sqrt", "square", "reciprocal", "negative", "log1p", "expm1", "sigmoid", "relu", "softplus", "rsqrt", "sech"),
)
TWO = ("maximum", "minimum", "power", "add", "subtract", "multiply", "divide", "outer", "dot", "matmul", "hypot")
TWO += ("inner", "vdot")
OVER_AXES = ("sum", "mean", "max", "min", "prod")


def parameters(written: str) -> dict[str, object]:
    """{"a": REQUIRED, "axis": None} of "a axis=None"."""
    found: dict[str, object] = {}
    for word in written.split():
        name, _, default = word.partition("=")
        found[name] = {"": REQUIRED, "None": None, "False": False, "True": True}.get(default, default)
        if isinstance(found[name], str):
            found[name] = int(found[name])
    return found


SIGNATURES: Mapping[str, dict[str, object]] = {
    **{word: parameters("a") for word in ELEMENTWISE},
    **{word: parameters("a b") for word in TWO},
    **{word: parameters("a axis=None keepdims=False") for word in OVER_AXES},
    **{word: parameters("a axis=None ddof=0 keepdims=False") for word in ("var", "std")},
    "argmax": parameters("a axis=None keepdims=False"),
    "logsumexp": parameters("a axis=-1 keepdims=False"),
    **{word: parameters("a axis=-1") for word in ("softmax", "log_softmax")},
    "one_hot": parameters("ids classes=None"),
    "where": parameters("condition a b"),
    "clip": parameters("a low=None high=None"),
    "transpose": parameters("a axes=None"),
    "swapaxes": parameters("a first second"),
    "reshape": parameters("a shape"),
    "broadcast_to": parameters("a shape"),
    "expand_dims": parameters("a axis"),
    "squeeze": parameters("a axis=None"),
    "concatenate": parameters("arrays axis=0"),
    "stack": parameters("arrays axis=0"),
    "cumsum": parameters("a axis=None"),
    "flip": parameters("a axis=None"),
    "repeat": parameters("a repeats axis=None"),
    "tile": parameters("a reps"),
    "nonzero": parameters("a"),
    "argwhere": parameters("a"),
    "roll": parameters("a shift axis=None"),
    "diag": parameters("a"),
    "diagflat": parameters("a"),
    "trace": parameters("a"),
    "inv": parameters("a"),
    "det": parameters("a"),
    "slogdet": parameters("a"),
    "norm": parameters("a ord=None axis=None keepdims=False"),
    "tril": parameters("a k=0"),
    "triu": parameters("a k=0"),
    "eye": parameters("n m=None"),
    "zeros": parameters("shape"),
    "ones": parameters("shape"),
    "full": parameters("shape value"),
    "zeros_like": parameters("a"),
    "ones_like": parameters("a"),
    "full_like": parameters("a value"),
    "arange": parameters("start stop=None step=1"),
    "array": parameters("a"),
    "asarray": parameters("a"),
    "copy": parameters("a"),
    "float": parameters("a"),
    "int": parameters("a"),
    "shape": parameters("a"),
    "size": parameters("a"),
    "len": parameters("a"),
    "range": parameters("start stop=None step=1"),
    "reversed": parameters("a"),
    "enumerate": parameters("a start=0"),
    "add.at": parameters("a places values"),
    "subtract.at": parameters("a places values"),
    "append": parameters("items item"),
    "turned": parameters("rows"),
    "sum_items": parameters("items start=0"),
}
VARIADIC = ("einsum", "zip", "tensordot")
FUNCTIONS = frozenset((*SIGNATURES, *VARIADIC))

# Other spellings of the same words: of Python, PyTorch and of people.
SPELLED = {
    "sigmoid": "sig sigma logistic expit",
    "one_hot": "onehot one_hot_encode",
    "abs": "fabs absolute",
    "power": "pow",
    "max": "amax",
    "min": "amin",
    "matmul": "mm bmm",
    "multiply": "mul",
    "divide": "div true_divide",
    "outer": "ger",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "concatenate": "concat cat",
    "transpose": "permute t",
    "reshape": "view",
    "expand_dims": "unsqueeze",
    "array": "tensor list tuple",
    "asarray": "contiguous ascontiguousarray detach",
    "copy": "clone item",
    "as_type": "astype to double",
    "float": "float32 float64",
    "eye": "identity",
    "clip": "clamp",
}
SPELLINGS = {spelling: word for word, row in SPELLED.items() for spelling in row.split()}
# Words of one argument that are others with fixed ones.
SHORT = {"flatten": ("reshape", -1), "ravel": ("reshape", -1)}
METHODS = frozenset(
    (
        *("sum", "mean", "max", "min", "prod", "var", "std", "argmax", "transpose", "swapaxes", "reshape", "squeeze"),
        *("expand_dims", "copy", "dot", "clip", "exp", "log", "tanh", "sqrt", "abs", "sigmoid", "relu", "softmax"),
        *("trace", "cumsum", "flatten", "ravel", "as_type", "diag", "outer", "matmul", "append", "square", "power"),
        *(
            "norm",
            "log_softmax",
            "logsumexp",
            "float",
            "flip",
            "repeat",
            "asarray",
            "nonzero",
            "sign",
            "inv",
            "det",
            "multiply",
            "add",
            "subtract",
            "divide",
        ),
    )
)
PROPERTIES = {"T": "transpose", "mT": "transpose", "shape": "shape", "size": "size"}
KEYWORDS = {"dim": "axis", "keepdim": "keepdims", "axis1": "first", "axis2": "second", "num_classes": "classes"}
KEYWORDS |= {"a_min": "low", "a_max": "high", "min": "low", "max": "high", "x": "a", "N": "n", "M": "m"}
IGNORED = frozenset(("dtype", "device", "optimize"))  # they change no value here
LISTED = frozenset(("transpose", "reshape"))  # a.reshape(2, 3) is a.reshape((2, 3))

FUNCTIONS |= {"flatten", "ravel", "as_type"}


def bound(word: str, arguments: Sequence[object], keywords: Mapping[str, object]) -> dict[str, object]:
    """The values of the word's parameters, defaults among them.  Raises ClaimError where they do not fit."""
    arguments = list(arguments)
    signature = SIGNATURES[word]
    names = list(signature)
    if word in LISTED and len(arguments) > len(names):
        arguments = [*arguments[: len(names) - 1], tuple(arguments[len(names) - 1 :])]
    if len(arguments) > len(names):
        raise ClaimError(f"{word} takes {' '.join(names)}, got {len(arguments)} arguments")
    values = dict(zip(names, arguments, strict=False))
    for name, value in keywords.items():
        own = name if name in names else KEYWORDS.get(name, name)
        if own in names and own not in values:
            values[own] = value
        elif name not in IGNORED:
            raise ClaimError(f"{word} takes no keyword {name}; it takes {', '.join(names)}")
    for name, default in signature.items():
        if name not in values:
            if default is REQUIRED:
                raise ClaimError(f"{word} lacks its argument {name}")
            values[name] = default
    return values
