"""Files of claims: their parts keep their places; a model in one is built without being run."""

from __future__ import annotations

from textwrap import indent

import pytest

from symgrad import verify
from symgrad.hand.claim_files import of_code, of_index, of_latex, of_markdown, read_claim_file
from symgrad.hand.declaration import declared_model
from symgrad.language.errors import ClaimError

MODEL = """from sympy import tanh
from symgrad import Model, axes, total
model = Model("layer")
i, j = axes("i:I j:J")
W, g, x = model.parameters(W=(i, j)), model.inputs(g=(i,)), model.inputs(x=(j,))
z = model.define("z", (i,), total(W[i, j] * x[j], j))
h = model.define("h", (i,), tanh(z[i]))
model.minimize("L", total(g[i] * h[i], i))
"""
MARKDOWN = f"""# My derivation
- W: (J, I)
G = dW

```python
{MODEL}```

First $$\\frac{{\\partial L}}{{\\partial h}} = g$$ and, with $z = W x$, a price of 5$ and `code`.

```python
dz = (1 - h**2) * g
G = np.outer(x, dz)
```

```text
dz[i] = (1 - h[i]**2)*g[i]
# a comment
```
"""


def test_markdown():
    file = of_markdown(MARKDOWN)
    assert file.declaration == MODEL
    assert len(file.code) == len(MARKDOWN)
    assert file.code.splitlines()[MARKDOWN.splitlines().index("G = np.outer(x, dz)")] == "G = np.outer(x, dz)"
    assert file.remarks.shapes["W"] == ("J", "I")
    assert file.remarks.stated == {"G": "dW"}
    assert [formula.notation for formula in file.formulas] == ["latex", "latex", "index"]
    assert all(MARKDOWN[f.start : f.start + len(f.source)] == f.source for f in file.formulas)


def test_a_model_within_markdown_is_compared_with_its_code(tmp_path):
    path = tmp_path / "mine.md"
    path.write_text(
        "\n".join(line for line in MARKDOWN.splitlines() if "$" not in line and not line.startswith("dz[i]"))
    )
    found = verify(None, path)
    assert found.exit_status == 0, str(found)
    assert [verdict.target for verdict in found.verdicts] == ["dz", "G"]


def test_latex_files():
    file = of_latex("% W: (J, I)\nText $a$ and\n\\begin{align*} a &= b \\\\ &= c \\end{align*} and \\(x = 1\\).")
    assert len(file.formulas) == 2
    assert file.remarks.shapes["W"] == ("J", "I")
    assert [f.source for f in of_latex("\\partial L / \\partial W = 1").formulas] == ["\\partial L / \\partial W = 1"]


def test_index_files():
    assert [f.source for f in of_index("a = b\n\n# note\n  c = d").formulas] == ["a = b", "  c = d"]


def test_a_docstring_that_declares_no_model_is_only_text():
    assert of_code('"""A text."""\ndW = 1').declaration == ""
    told = of_code(f'"""My model:\n\n{indent(MODEL, "    ")}\nand more."""\ndW = 1')
    assert told.declaration.strip() == MODEL.strip()
    assert declared_model(of_code(f'"""{MODEL}"""').declaration).program.name == "layer"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("import os", "from sympy import"),
        ("from os import path", "assignments and calls only"),
        ("from sympy import lambdify", "lambdify is not known"),
        ("x = exp('__import__(1)')", "a string cannot stand here"),
        ("model.define('q', (i,), '__import__(1)')", "a string cannot stand here"),
        ("q = model.__class__", "cannot stand in a declaration"),
        ("q = model.program", "cannot stand in a declaration"),
        ("q = 2**10**10", "too large"),
        ("q = [k for k in i]", "cannot stand in a declaration"),
        ("def f(): return 1", "assignments and calls only"),
        ("q = unheard", "not known"),
        ("q = W[i]", "has 2 axes"),
        ("model.define('z', (i,), x[i])", "already"),
        ("model.nothing()", "cannot be called"),
    ],
)
def test_a_declaration_holds_nothing_else(line, reason):
    with pytest.raises(ClaimError, match=reason) as caught:
        declared_model(MODEL.replace('model.minimize("L"', f'{line}\nmodel.minimize("L"'))
    assert "line 8" in str(caught.value)


def test_files_that_are_none(tmp_path):
    for name, content, reason in (
        ("a.pdf", b"", "ends in .py, .md, .tex, .txt"),
        ("a.py", b"\xff\xfe\x00", "not UTF-8"),
        ("a.txt", b"a" * 1_000_001, "too many"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ClaimError, match=reason):
            read_claim_file(path)
    with pytest.raises(ClaimError, match="does not exist"):
        read_claim_file(tmp_path / "none.py")
    with pytest.raises(ClaimError, match="no model to compare with"):
        verify(None, "dW = 1")
