"""What the small form asserts: that the instrument tells hands apart, and that training moves pictures towards the hand."""

from ..errors import RecipeError


def check(result: dict) -> None:
    """Raises a `RecipeError` that names every expectation that is not met."""
    wrong = []
    for hand, scores in result["hands"].items():
        base, ours, shown, real = (scores[name] for name in ("base", "atelier", "autoencoder", "real"))
        expectations = {
            "real pictures are named as theirs": real["hit_rate"] >= 0.9,
            "the base's are not": base["hit_rate"] <= 0.25,
            "real pictures show their things better than chance by far": real["retrieval"] >= 0.5,
            "the autoencoder's pictures are at no distance from the truth": shown["distance"] < 1e-6,
            "the adapter's pictures are nearer to the truth than the base's": ours["distance"] < base["distance"],
            "the adapter's pictures are named as the hand's at least as often": ours["hit_rate"] >= base["hit_rate"],
        }
        wrong += [f"{hand}: {text}" for text, met in expectations.items() if not met]
    if wrong:
        raise RecipeError("StyleBench does not find that " + "; ".join(wrong) + ".")
