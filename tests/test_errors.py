import pickle

from fitnets_lib.errors import BadInput


def test_bad_input_is_one_line_of_place_value_and_what_is_right() -> None:
    assert str(BadInput("seeds", 0, "at least 2")) == "seeds = 0: at least 2"


def test_bad_input_survives_the_way_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(BadInput("seeds", 0, "at least 2")))
    assert type(error) is BadInput
    assert str(error) == "seeds = 0: at least 2"


def test_a_notebook_shows_the_line_alone() -> None:
    assert BadInput("seeds", 0, "at least 2")._render_traceback_() == ["BadInput: seeds = 0: at least 2"]
