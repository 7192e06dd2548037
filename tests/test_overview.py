from __future__ import annotations

from matplotlib.colors import to_rgb

from fitnets_lib.overview import COLOURS, card, counted
from fitnets_lib.trials import Scale, Verdict

FOUND: dict[str, dict[Scale, Verdict]] = {
    "A": {"counts": "reproduced", "GPU": "not run"},
    "B": {"embedded": "not reproduced"},
    "C": {"embedded": "inconclusive", "jpeg": "reproduced"},
}


def test_each_trial_is_a_word_in_its_claims_row_and_its_scales_column() -> None:
    left, right = card(FOUND).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["A", "B"]
    assert [label.get_text() for label in right.get_yticklabels()] == ["C"]
    assert {(text.get_position(), text.get_text()) for text in left.texts} == {
        ((0, 0), "yes"), ((4, 0), "not run"), ((1, 1), "no"),
    }  # fmt: skip
    assert {(text.get_position(), text.get_text()) for text in right.texts} == {((1, 0), "open"), ((3, 0), "yes")}


def test_words_can_be_read_on_their_ground() -> None:
    for axis in card(FOUND).axes:
        for text, cell in zip(axis.texts, axis.patches, strict=True):
            ink, ground = (_light(to_rgb(colour)) for colour in (text.get_color(), cell.get_facecolor()[:3]))
            assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) > 3.8, text.get_text()


def _light(colour: tuple[float, ...]) -> float:
    """Relative luminance, as WCAG 2 has it."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def test_verdicts_are_counted_over_the_scales_asked_for() -> None:
    assert counted(FOUND) == {"reproduced": 2, "not reproduced": 1, "inconclusive": 1, "not run": 1}
    assert counted(FOUND, ["embedded"]) == {"reproduced": 0, "not reproduced": 1, "inconclusive": 1, "not run": 0}
    assert list(counted(FOUND)) == list(COLOURS)
