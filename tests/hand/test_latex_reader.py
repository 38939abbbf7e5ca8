"""LaTeX as people write it: each line with what it is read as, or with the error that it gives."""

from __future__ import annotations

import pytest

from symgrad.hand.latex_reader import read_latex
from symgrad.hand.statements import Derivative, Name
from symgrad.language.errors import ClaimError

from .spelled import spelled

KNOWN = [
    *"LWUbhpyxozaCHBNTXPYVvD",
    "W1",
    "W2",
    "b1",
    "b2",
    "yhat",
    "theta",
    "lam",
    "Whh",
    "Wxh",
    "Why",
    "bh",
    "by",
    "delta1",
]

READ = [
    # derivatives
    (r"\frac{\partial L}{\partial W_2} = (p - y) h^\top", "D(L|W2) = ((p-y) transpose(h))"),
    (r"\dfrac{dL}{dW_1} = \tfrac{1}{N} X^T (P - Y)", "D(L|W1) = (((1/N) transpose(X)) (P-Y))"),
    (r"\frac{\mathrm{d} L}{\mathrm d W} = 2 A", "D(L|W) = (2 A)"),
    (r"{\partial L \over \partial W} = x^{\intercal}", "D(L|W) = transpose(x)"),
    (r"\partial L/\partial W = p x^T", "D(L|W) = (p transpose(x))"),
    (r"dL/dW = p x^{\mathsf T}", "D(L|W) = (p transpose(x))"),
    (r"\nabla_{W_1} L = x", "D(L|W1) = x"),
    (r"\frac{\partial}{\partial W} L = x", "D(L|W) = x"),
    (r"\frac{\partial L(\theta)}{\partial \theta} = x", "D(L|theta) = x"),
    (r"\nabla_\theta J(\theta) = \frac1m X^\top x", "D(J|theta) = (((1/m) transpose(X)) x)"),
    (r"\frac{\partial p_k}{\partial o_j} = p_k (\delta_{kj} - p_j)", "D(p[k]|o[j]) = (p[k] ([k == j]-p[j]))"),
    (r"z = \frac{\partial L}{\partial o}\frac{\partial o}{\partial h}", "z = (D(L|o) D(o|h))"),
    (r"\left(\frac{\partial L}{\partial W}\right)_{ij} = x_i", "D(L|W[i,j]) = x[i]"),
    # names: adjoints, subscripts, accents, fonts, layers above
    (r"dW_2 = \hat{y} h^T", "dW2 = (yhat transpose(h))"),
    (r"\mathbf{W}_1 = \boldsymbol{\theta} \hat{\mathbf{y}}", "W1 = (theta yhat)"),
    (r"\mathcal{L} = \ell + J", "L = (L+J)"),
    (r"z = \bar h + \tilde{C} + \widehat{yy}", "z = ((hbar+Ctilde)+yyhat)"),
    (r"\delta_h = W^\top \delta_o \odot (1 - h^2)", "delta_h = ((transpose(W) delta_o)*(1-(h**2)))"),
    (r"h_t = \tanh(W_{xh} x_t + W_{hh} h_{t-1} + b_h)", "h[t] = tanh((((Wxh x[t])+(Whh h[(t-1)]))+bh))"),
    (r"z = W^{(1)} x + W^{[2]} b^{(1)}", "z = ((W1 x)+(W2 b1))"),
    (r"dW^{[1]} = \frac{1}{m} dZ^{[1]} A^{[0]T}", "dW1 = (((1/m) dZ1) transpose(A0))"),
    (r"z = b_{\text{out}} + \lambda W + \epsilon", "z = ((b[out]+(lam W))+epsilon)"),
    (r"z = g_{\text{out}} + Wx + XW", "z = ((g_out+(W x))+(X W))"),
    (r"d\theta = d\mathbf{W} x + d\tilde{c}_t", "dtheta = ((dW x)+dctilde[t])"),
    (r"z = 2\pi", "z = (2 np.pi)"),
    # indices
    (r"dC_{v,d} = \sum_{b,t} [v = x_{b,t}] dx_{b,t,d}", "dC[v,d] = sum_b,t ([v == x[b,t]] dx[b,t,d])"),
    (r"a_{b,i} = \sum_{t,d} W_{1,itd} C_{x_{bt}, d}", "a[b,i] = sum_t,d (W1[i,t,d] C[x[b,t],d])"),
    (r"z = W_{1ij} + W_{i j} + x_{2i}", "z = ((W1[i,j]+W[i,j])+x[(2 i)])"),
    (r"z = (A B)_{ij} + (P-Y)_i", "z = ((A B)[i,j]+(P-Y)[i])"),
    (r"z = W_{:,j} + W_{\cdot j} + W_{i\cdot}", "z = ((W[:,j]+W[:,j])+W[i,:])"),
    (r"(\nabla_{o^{(t)}} L)_i = \hat{y}_i^{(t)} - 1_{i = y^{(t)}}", "D(L|o[t,i]) = (yhat[t,i]-[i == y[t]])"),
    (r"z = h^2_t + h_t^2 + h_{t-1}^\top", "z = (((h[t]**2)+(h[t]**2))+transpose(h[(t-1)]))"),
    # sums
    (r"L = -\sum_k y_k \log p_k", "L = (-sum_k (y[k] log(p[k])))"),
    (r"L = -\frac{1}{N}\sum_{i=1}^N \log p_{i,y_i}", "L = (-((1/N) sum_i(1..N) log(p[i,y[i]])))"),
    (r"z = \sum_{k \neq j} p_k + \sum_{s<t} a_s", "z = (sum_k ([k != j]*p[k])+sum_s ([s < t]*a[s]))"),
    (r"z = \sum_{i} a_i + b", "z = (sum_i a[i]+b)"),
    (r"z = -\sum_i -y_i \cdot p_i", "z = (-sum_i (-(y[i] p[i])))"),
    (r"z = \sum_b \sum_{t=0}^{T-1} x_{bt} / N", "z = sum_b sum_t(0..(T-1)) (x[b,t]/N)"),
    (r"z = \sum W^2 + \sum_i^N x_i", "z = (sum((W**2))+sum_i(1..N) x[i])"),
    (r"z = \log \sum_j \exp(o_j) + \max_j o_j", "z = (log(sum_j exp(o[j]))+max_j o[j])"),
    # products, strokes, powers
    (r"z = a \times b \cdot x * y / p", "z = ((((a b) x)*y)/p)"),
    (r"z = a \circ b \odot x", "z = ((a*b)*x)"),
    (r"z = 1/N X^\top y + a/2 b", "z = ((((1/N) transpose(X)) y)+((a/2) b))"),
    (r"z = \left( 1 - h^2 \right) \big( p - y \big) \, x \; \quad y", "z = ((((1-(h**2)) (p-y)) x) y)"),
    (r"z = X^{-\top} + X^{-1} + (1+e^{-x})^{-1}", "z = ((transpose(inv(X))+inv(X))+((1+exp((-x)))**(-1)))"),
    (r"z = x^{2^n} + x^{-1/2} + 2^{-x}", "z = (((x**(2**n))+(x**(-(1/2))))+(2**(-x)))"),
    (r"z = \frac12 x + \sqrt{D} + \sqrt[3]{x} + 1e-5", "z = (((((1/2) x)+sqrt(D))+(x**(1/3)))+1e-05)"),
    (r"z = \frac{b}{\|a\| \|b\|} + |a||b| + \left\| W \right\|_F^2", "z = (((b/(norm(a) norm(b)))+(abs(a) abs(b)))"
     "+(norm(W)**2))"),
    # functions
    (r"h = \tanh a + \tanh^2(z) + \log \sigma(z)", "h = ((tanh(a)+(tanh(z)**2))+log(sigmoid(z)))"),
    (r"z = \operatorname{softmax}\left(\frac{QK^\top}{\sqrt{D}}\right)V",
     "z = (softmax(((Q transpose(K))/sqrt(D))) V)"),
    (r"z = \mathrm{diag}(p) - p p^\top", "z = (diag(p)-(p transpose(p)))"),
    (r"z = U^{T} \text{ReLU}(x) \circ \operatorname{sgn}(h)", "z = ((transpose(U) relu(x))*sign(h))"),
    (r"z = \max(0, x) + \log|\det X| + \ln x", "z = ((maximum(0, x)+log(abs(det(X))))+log(x))"),
    (r"z = \operatorname{tr}(X^\top X)", "z = trace((transpose(X) X))"),
    (r"z = \sigma'(a) \odot x + \tanh'(a)", "z = (((sigmoid(a)*(1-sigmoid(a)))*x)+(1-(tanh(a)**2)))"),
    (r"z = e^{x}/(1+e^x)", "z = (exp(x)/(1+exp(x)))"),
    (r"z = y \log \hat y + (1-y)\log(1-\hat y)", "z = ((y log(yhat))+((1-y) log((1-yhat))))"),
    (r"z = exp(x) + tanh(a)^2", "z = (exp(x)+(tanh(a)**2))"),
    (r"z = \log x^2 + \sin x \cos y", "z = (log((x**2))+(sin(x) cos(y)))"),
    # brackets, deltas, ones
    (r"z = \mathbb{1}[j = y] + \mathbf{1}_{j=y} + [j = y_b]", "z = (([j == y]+[j == y])+[j == y[b]])"),
    (r"z = 1\{z>0\} + \mathbb{1}\{z \ge 0\} + I(z \neq 0)", "z = (([z > 0]+[z >= 0])+[z != 0])"),
    (r"z = x \odot (z > 0)", "z = (x*[z > 0])"),
    (r"z = \mathbf 1 + \mathbf{1}_N + \mathbf{1}^\top X", "z = ((ones()+ones(N))+(transpose(ones()) X))"),
    (r"z = \delta_{ij} + \delta_{i,j} + \delta_{v y_b} + \delta_{t-1,s}", "z = ((([i == j]+[i == j])+[v == y[b]])"
     "+[(t-1) == s])"),
    # lines
    ("dh &= W^T x \\\\ &\\quad + b \\\\ da &= dh \\odot (1-h^2)", "dh = ((transpose(W) x)+b); da = (dh*(1-(h**2)))"),
    ("dL/dW = p x\n  = a\n\nz = x\n  + y", "D(L|W) = (p x) = a; z = (x+y)"),
    (r"a = b = p + 1, \quad x = y.", "a = b = (p+1); x = y"),
    (r"a = b \quad \text{where } x = y", "a = b; x = y"),
    (r"\begin{align*} dh &= x, & db &= y \\[2pt] &= z \end{align*}", "dh = x; db = y = z"),
    (r"\begin{equation} x = y. \label{a} \end{equation}", "x = y"),
    (r"Let $p = o$ be it, where $o$ is not. Then $$W_2 = \begin{aligned} h \end{aligned}$$", "p = o; W2 = h"),
    (r"\[ x = y \] and \( a := b \)", "x = y; a = b"),
    ("x = y % = z", "x = y"),
    (r"z \stackrel{\text{def}}{=} \underbrace{(p - y)}_{\text{error}} x", "z = ((p-y) x)"),
    # Bengio et al. 2003; CS224n; the Deep Learning book, chapters 6 and 10; batch normalization; LSTM
    (r"y = b + Wx + U\tanh(d + Hx)", "y = ((b+(W x))+(U tanh((d+(H x)))))"),
    (r"\frac{\partial L}{\partial y_j} = 1_{j=w_t} - p_j", "D(L|y[j]) = ([j == w[t]]-p[j])"),
    (r"\frac{\partial J}{\partial \mathbf{x}} = (\hat{\mathbf y} - \mathbf y) U \circ \text{ReLU}'(z) W",
     "D(J|x) = (((yhat-y) U)*([z > 0] W))"),
    (r"\nabla_{\boldsymbol{W}} L = \sum_t \mathrm{diag}\left(1 - \left(\boldsymbol{h}^{(t)}\right)^2\right)"
     r" \left(\nabla_{\boldsymbol{h}^{(t)}} L\right) \boldsymbol{h}^{(t-1)\top}",
     "D(L|W) = sum_t ((diag((1-(h[t]**2))) D(L|h[t])) transpose(h[(t-1)]))"),
    (r"\frac{\partial \ell}{\partial \mu_{\mathcal{B}}} = \sum_{i=1}^m \frac{\partial \ell}{\partial \hat{x}_i}"
     r" \cdot \frac{-1}{\sqrt{\sigma_{\mathcal{B}}^2 + \epsilon}}",
     "D(L|mu_B) = sum_i(1..m) (D(L|xhat[i]) ((-1)/sqrt(((sigma_B**2)+epsilon))))"),
    (r"\frac{\partial L}{\partial c_{t-1}} = \frac{\partial L}{\partial c_t} \odot f_t",
     "D(L|c[(t-1)]) = (D(L|c[t])*f[t])"),
    (r"\frac{\partial \mathbf{h}_t}{\partial \mathbf{h}_{t-1}} = \mathrm{diag}(1 - \mathbf{h}_t^2) W_{hh}",
     "D(h[t]|h[(t-1)]) = (diag((1-(h[t]**2))) Whh)"),
]  # fmt: skip

# (source, a part of the message, line, column)
REFUSED = [
    (r"h = \tanh W x", "does tanh reach over x too", 1, 13),
    (r"z = \log x (1-y)", "does log reach over 1-y too", 1, 13),
    (r"z = a/b x", "does the stroke reach over b only, or over x too", 1, 6),
    ("z = x\n\ny = (a + b", "( is not closed", 3, 5),
    (r"z = a +", "got the end of the line", 1, 8),
    (r"z = \left( a ] b \right)", "] closes nothing", 1, 14),
    (r"z = \frac{a}", "an argument is missing", 1, 13),
    (r"$ x = 1", "expected $", 1, 1),
    (r"(A B)_{ij} = x", "a claim is about a name", 1, 1),
    (r"x + 1", "there is no equality", 1, 1),
    (r"z = x'", "for a transpose write", 1, 6),
    (r"z = f'(x)", "for a transpose write", 1, 6),
    (r"z = \diag'(x)", "cannot be read", 1, 5),
    (r"z = \begin{pmatrix} a \\ b \end{pmatrix}", "the environment pmatrix", 1, 5),
    (r"z = \operatorname{foo}(x)", "foo is no function", 1, 5),
    (r"z = \sigma^{(2)}(x)", "an index in parentheses", 1, 13),
    (r"z = \tanh^{-1}(x)", "only a whole power", 1, 11),
    (r"z = \frac{\partial^2 L}{\partial x^2}", "a second derivative", 1, 11),
    (r"\theta \leftarrow \theta - x", "an assignment cannot be read", 1, 8),
    (r"z = \prod_i x_i", "a product over an index", 1, 5),
    (r"z = x_1 + \ldots + x_n", "dots cannot be read", 1, 11),
    (r"z = \sum_{i=1} x_i", "no last one", 1, 5),
    (r"z = \sum_{i,i} x_{ii}", "bound twice", 1, 5),
    (r"z = \min_i x_i", "a minimum over an index", 1, 5),
    (r"z = \|x\|_3", "norms", 1, 11),
    (r"z = x^10", "one digit only", 1, 7),
    (r"z = \mathbf{1}_t - p", "which entry is 1", 1, 5),
    (r"z = \log_2 x", "a subscript of log", 1, 9),
    (r"z = \foo x", r"\foo cannot be read", 1, 5),
    (r"\nabla L = x", "by what", 1, 1),
    (r"z = x^*", "the superscript *", 1, 7),
    (r"z = x^{}", "these braces are empty", 1, 7),
    (r"z = n!", "a factorial", 1, 6),
]


@pytest.mark.parametrize(("source", "expected"), READ, ids=[case[0] for case in READ])
def test_it_is_read_as(source: str, expected: str) -> None:
    assert "; ".join(map(spelled, read_latex(source, KNOWN))) == expected


@pytest.mark.parametrize(("source", "message", "line", "column"), REFUSED, ids=[case[0] for case in REFUSED])
def test_it_is_refused(source: str, message: str, line: int, column: int) -> None:
    with pytest.raises(ClaimError) as caught:
        read_latex(source, KNOWN)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("source", [case[0] for case in READ])
def test_a_node_stands_within_what_it_is_part_of(source: str) -> None:
    for chain in read_latex(source, KNOWN):
        for node in chain.walk():
            assert node.span[0] < node.span[1], node
            for child in node.children:
                assert node.span[0] <= child.span[0] and child.span[1] <= node.span[1], (node, child)


def test_a_span_quotes_the_source() -> None:
    source = r"\frac{\partial L}{\partial W_2} = (p - y)\, h_{t-1}^\top"
    (chain,) = read_latex(source, KNOWN)
    (side,) = chain.sides
    assert source[slice(*chain.subject.span)] == r"\frac{\partial L}{\partial W_2}"
    assert source[slice(*side.left.span)] == "p - y"
    assert source[slice(*side.right.span)] == r"h_{t-1}^\top"
    assert source[slice(*side.span)] == r"(p - y)\, h_{t-1}^\top"


@pytest.mark.parametrize("source", [r"\delta_{ij}", r"\mathbb{1}[i = j]", r"\mathbf{1}_{i=j}", "[i = j]", "1(i = j)"])
def test_a_bracket_is_quoted_whole(source: str) -> None:
    (chain,) = read_latex(f"z = {source}", KNOWN)
    assert chain.sides[0].span == (4, 4 + len(source))


@pytest.mark.parametrize(
    ("known", "source", "expected"),
    [
        (["W"], "z = W_1", "W[1]"),
        (["W1"], "z = W_1", "W1"),
        (["W_1"], "z = W_1", "W_1"),
        ([], "z = W_1", "W1"),
        (["W", "W1"], "z = W_1", "W1"),
        (["h", "hb"], "z = h_{b,i}", "h[b,i]"),
        (["h", "hb"], "z = h_b", "hb"),
        (["a"], "z = a^2", "(a**2)"),
        (["a2"], "z = a^2", "a2"),
        (["a", "a2"], "z = a^2", "(a**2)"),
        (["a", "a2"], "z = a^{(2)}", "a2"),
        (["delta", "i", "j"], r"z = \delta_{ij}", "delta[i,j]"),
        (["sigma", "z"], r"z = \sigma(z)", "(sigma z)"),
        (["e", "x"], "z = e^{x}", "(e**x)"),
        (["d", "W"], "z = dW", "(d W)"),
        (["probs"], "z = probs", "probs"),
        (["W", "x"], "z = probs", "probs"),
        (["eps"], r"z = \varepsilon", "eps"),
    ],
)
def test_known_names_decide(known: list[str], source: str, expected: str) -> None:
    (chain,) = read_latex(source, known)
    assert spelled(chain.sides[0]) == expected


@pytest.mark.parametrize(
    ("source", "indexed"),
    [
        (r"dW_{vi} = \sum_b p_{bv} h_{bi}", True),
        (r"dW = \sum_b p_b h_b^\top", False),
        (r"h_t = W x_t", False),
        (r"h_t = W h_t", False),
        (r"L = \sum_i y_i", True),
    ],
)
def test_indexed(source: str, indexed: bool) -> None:
    axes = {"dW": 2, "W": 2, "p": 2, "h": 2, "x": 2, "y": 1, "L": 0}
    assert read_latex(source, axes)[0].indexed is indexed


def test_a_name_that_a_line_has_defined_is_known_below() -> None:
    first, second = read_latex(r"\delta = y" + "\n" + r"z = \delta_{ij}", ["y"])
    assert first.subject == Name("delta")
    assert spelled(second.sides[0]) == "delta[i,j]"


def test_equal_nodes_from_different_spellings() -> None:
    (one,) = read_latex(r"\frac{\partial L}{\partial W_2} = x", KNOWN)
    (two,) = read_latex(r"\nabla_{\mathbf{W}_2} \mathcal L = x", KNOWN)
    assert one == two and isinstance(one.subject, Derivative)
