"""Text -> rows: windows, splits, vocabularies, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.language.errors import DataError
from symgrad.language.model import Model
from symgrad.language.surface import axes, mean
from symgrad.training import Text, python_topics
from symgrad.training.text import CHOICES

from .models import DATA, bigram, needs_brown, needs_names, ngram, regression, tagger


def load(text: Text, model=None, **sizes: int):
    model = model or ngram()
    return text.load(model.program, {"N": 2, **sizes} if model.name != "bigram" else sizes, "float32")


def numbers(count: int = 10):
    """The text `0 1 2 ...`, in which a token is its own position."""

    def positions() -> str:
        return " ".join(map(str, range(count)))

    return positions


def decoded(data, part: str, name: str):
    return [[int(token) for token in data.vocabulary.decode(row)] for row in np.atleast_2d(data.parts[part][name])]


def test_windows_of_a_stream_lie_inside_their_part():
    data = load(Text(numbers(10), split=(0.6, 0.4)))
    assert decoded(data, "train", "x") == [[0, 1], [1, 2], [2, 3], [3, 4]]
    assert decoded(data, "train", "y") == [[2, 3, 4, 5]]
    assert decoded(data, "valid", "x") == [[6, 7], [7, 8]]
    assert decoded(data, "valid", "y") == [[8, 9]]
    assert "test" not in data.parts


def test_rows_are_compact_and_contiguous():
    data = load(Text(numbers(10), split=(0.6, 0.4)))
    for rows in data.parts.values():
        for value in rows.values():
            assert value.dtype == np.int32
            assert value.flags.c_contiguous


def test_newest_first_reverses_contexts():
    data = load(Text(numbers(10), split=(1.0,), newest_first=True), N=3)
    assert decoded(data, "train", "x")[0] == [2, 1, 0]
    assert decoded(data, "train", "y")[0][0] == 3
    assert data.parts["train"]["x"].flags.c_contiguous


def test_a_context_without_axis_is_the_word_before():
    data = load(Text(numbers(6), split=(1.0,)), bigram())
    assert decoded(data, "train", "x") == [[0, 1, 2, 3, 4]]
    assert decoded(data, "train", "y") == [[1, 2, 3, 4, 5]]


def test_a_target_at_each_position_takes_windows_that_do_not_overlap():
    data = load(Text(numbers(8), split=(1.0,)), tagger(), N=3)
    assert decoded(data, "train", "x") == [[0, 1, 2], [3, 4, 5]]
    assert decoded(data, "train", "y") == [[1, 2, 3], [4, 5, 6]]


def test_lines_stand_between_boundaries_that_no_window_crosses():
    def two_lines() -> str:
        return "ab\n\nc\n"

    text = Text(two_lines, tokens="characters", unit="lines", split=(1.0,), shuffle_seed=None)
    data = load(text)
    words = data.vocabulary
    rows = zip(data.parts["train"]["x"], data.parts["train"]["y"], strict=True)
    pairs = [("".join(words.decode(x)), words.tokens[y]) for x, y in rows]
    assert pairs == [("..", "a"), (".a", "b"), ("ab", "."), ("..", "c"), (".c", ".")]
    assert words.tokens == (".", "a", "b", "c")


def test_a_split_by_counts_with_the_rest():
    data = load(Text(numbers(20), split=(10, 4, None)))
    assert [data.rows(part) for part in ("train", "valid", "test")] == [8, 2, 4]


def test_fractions_are_cut_as_decimals():
    data = load(Text(numbers(30), split=(0.7, 0.1, 0.2)))  # 0.7 * 30 is 20.999999999999996 in floats
    assert [data.rows(part) for part in ("train", "valid", "test")] == [19, 1, 4]


def test_rare_words_merge_into_one():
    def rare() -> str:
        return "b b b a a c d"

    data = load(Text(rare, split=(1.0,), minimum_count=2))
    assert data.vocabulary.tokens == ("<unk>", "b", "a")
    assert data.vocabulary.encode(["c", "d", "a", "never"]).tolist() == [0, 0, 2, 0]
    assert data.lines[1] == "vocabulary  3 words (seen 2 times or more in the whole text), 28.6 % of tokens unknown"


def test_a_vocabulary_from_the_training_part_says_so():
    def later() -> str:
        return "a b a b a b a b c a d b"

    data = load(Text(later, split=(8, None), vocabulary_from="train"))
    assert data.vocabulary.tokens == ("<unk>", "a", "b")
    assert data.sizes["V"] == 3
    assert "all of the training part" in data.lines[1]


def test_an_unknown_token_that_the_text_has_already():
    def merged() -> str:
        return "a <unk> b a b <unk>"

    data = load(Text(merged, split=(1.0,)))
    assert data.vocabulary.tokens == ("<unk>", "a", "b")
    assert data.vocabulary.unknown == "<unk>"


def test_a_vocabulary_without_an_unknown_token_refuses_others():
    data = load(Text(numbers(5), split=(1.0,)))
    with pytest.raises(DataError, match="token 'x' is not among the 5"):
        data.vocabulary.encode(["1", "x"])


def test_a_file_may_have_a_byte_order_mark_and_carriage_returns(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffab\r\ncd\r\n".encode())
    data = load(Text(path, tokens="characters", unit="lines", split=(1.0,)))
    assert data.vocabulary.tokens == (".", "a", "b", "c", "d")


def test_python_carries_a_corpus():
    words = python_topics().split()
    assert len(words) > 50_000
    assert len(set(words)) > 5_000


@needs_brown
def test_brown_as_in_the_literature():
    text = Text(DATA / "brown.txt", split=(800_000, 200_000, None), minimum_count=4, newest_first=True)
    data = load(text, N=4)
    assert len(data.vocabulary) == data.sizes["V"] == 17_905
    assert data.lines[0].endswith("1,161,192 words")
    assert data.lines[1] == "vocabulary  17,905 words (seen 4 times or more in the whole text), 4.8 % of tokens unknown"
    assert [data.rows(part) for part in ("train", "valid", "test")] == [799_996, 199_996, 161_188]
    assert data.parts["train"]["x"].shape == (799_996, 4)


@needs_names
def test_names_as_in_makemore():
    text = Text(DATA / "names.txt", tokens="characters", unit="lines", shuffle_seed=42)
    data = load(text, N=3)
    assert [data.rows(part) for part in ("train", "valid", "test")] == [182_625, 22_655, 22_866]
    assert len(data.vocabulary) == 27
    words = data.vocabulary
    # random.seed(42); random.shuffle(words) of makemore begins with yuheng.
    assert "".join(words.decode(data.parts["train"]["y"][:7])) == "yuheng."
    assert words.decode(data.parts["train"]["x"][0]) == [".", ".", "."]


def bad_file(tmp_path, content: bytes):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    return path


def test_an_empty_file(tmp_path):
    with pytest.raises(DataError, match=r"bad\.txt: it is empty, expected text"):
        load(Text(bad_file(tmp_path, b" \n\n")))


@pytest.mark.parametrize("count", [0, -1, 1.5])
def test_a_minimum_count_below_1(count):
    with pytest.raises(DataError, match=f"minimum_count is {count}, expected a whole number of 1 or more"):
        Text(numbers(), minimum_count=count)


def test_a_function_that_fails_is_named():
    def broken() -> str:
        return [][0]

    with pytest.raises(DataError, match=r"text: its function broken raised IndexError: .* \(test_text\.py, line \d+\)"):
        load(Text(broken))


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: the file does not exist; expected a UTF-8 text file"):
        load(Text(tmp_path / "none.txt"))


def test_a_folder(tmp_path):
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        load(Text(tmp_path))


def test_a_file_that_is_not_utf8(tmp_path):
    with pytest.raises(DataError, match="byte 0xe9 at position 3 is not UTF-8; convert the file"):
        load(Text(bad_file(tmp_path, "caf\u00e9 au lait".encode("latin-1"))))


def test_a_file_shorter_than_a_context():
    with pytest.raises(DataError, match=r"the train part has 5 tokens, expected at least 9 \(a context of 8"):
        load(Text(numbers(5), split=(1.0,)), N=8)


def test_a_part_shorter_than_a_context():
    with pytest.raises(DataError, match="the valid part has 2 tokens, expected at least 5"):
        load(Text(numbers(20)), N=4)


def test_an_empty_part():
    with pytest.raises(DataError, match="the valid part is empty"):
        load(Text(numbers(4), split=(0.9, 0.05, 0.05)))


def test_a_context_that_is_not_given():
    with pytest.raises(DataError, match="size N is not given"):
        Text(numbers()).load(ngram().program, {}, "float32")


def test_a_size_that_contradicts_the_vocabulary():
    with pytest.raises(DataError, match="vocabulary of x in text positions: size V is 10 here and 12 elsewhere"):
        load(Text(numbers(10), split=(1.0,)), V=12)


def test_a_boundary_that_the_text_has():
    def sentence() -> str:
        return "the end .\nanother ."

    with pytest.raises(DataError, match=r"boundary token '\.' occurs in the text"):
        load(Text(sentence, unit="lines", split=(1.0,)))


def test_a_vocabulary_of_nothing():
    with pytest.raises(DataError, match=r"the vocabulary has only '<unk>'.*lower minimum_count"):
        load(Text(numbers(10), minimum_count=9))


def test_counts_beyond_the_text():
    with pytest.raises(DataError, match="500 together with at most one None, but the text has 10"):
        load(Text(numbers(10), split=(400, 100, None)))


@pytest.mark.parametrize("split", [(0.8, 0.3), (0.5, None), (), (1, 2, 3, 4), (-1, 2), (None, None)])
def test_a_split_that_cannot_be(split):
    with pytest.raises(DataError, match="split is"):
        load(Text(numbers(10), split=split))


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_that_there_is_not(name):
    with pytest.raises(DataError, match=f"{name} is 'sentences', expected one of"):
        Text(numbers(), **{name: "sentences"})


def three_tokens() -> Model:
    model = Model("three")
    b, v, w = axes("b:B v:V w:V")
    W = model.parameters(W=(w, v))
    x, y, z = model.tokens(x=(b,), y=(b,), z=(b,), vocabulary=v)
    model.minimize("L", mean(W[x[b], z[b]] - W[y[b], z[b]], b))
    return model


def renamed() -> Model:
    model = Model("renamed")
    b, v, w = axes("b:B v:V w:V")
    W = model.parameters(W=(w, v))
    before, after = model.tokens(before=(b,), after=(b,), vocabulary=v)
    model.minimize("L", mean(W[before[b], after[b]], b))
    return model


ADVICE = [
    (renamed, r"inputs are before, after; name the two: Text\(..., context='before', target='after'\)"),
    (
        three_tokens,
        r"inputs are x, y, z; a text has no more .*Arrays\(\{'train': \{'x': ..., 'y': ..., ",
    ),
    (regression, r"inputs are x, y, of which x, y are no tokens; a text has no more .*Arrays\(\{'train': \{'x': "),
]


@pytest.mark.parametrize(("model", "advice"), ADVICE)
def test_a_model_with_other_inputs(model, advice):
    with pytest.raises(DataError, match=f"a Text gives the tokens x and y, but the model's {advice}"):
        Text(numbers()).load(model().program, {"D": 2}, "float32")


def test_lines_with_a_target_at_each_position():
    with pytest.raises(DataError, match="y has a target at each position, which goes with unit='stream'"):
        load(Text(numbers(), unit="lines"), tagger())
