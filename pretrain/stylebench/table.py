"""The figures as text."""

import numpy as np

COLUMNS = ("hit_rate", "retrieval", "distance", "nearness")


def table(result: dict) -> str:
    base = result["base"]
    lines = [
        f"Base {result['model']} alone: names the thing asked for in {_share(base['retrieval'])} of {base['prompts']} prompts "
        f"(real pictures {_share(base['retrieval_real'])}, through its autoencoder {_share(base['retrieval_as_shown'])}),",
        f"in {_share(base['recombination'])} of {base['cells']} pairs of thing and hand that it never saw "
        f"(real {_share(base['recombination_real'])}, through its autoencoder {_share(base['recombination_as_shown'])}).",
        "",
        f"Adapters: preset {result['preset']}, {result['works']} works, {result['asked']} things that are not among them.",
        "",
        f"{'hand':<20}{'pictures':<14}{'hit rate':>9}{'retrieval':>11}{'of base':>9}{'distance':>10}{'of base':>9}{'nearness':>10}",
    ]
    for hand, scores in result["hands"].items():
        lines += [_line(hand, name, score, scores["base"]) for name, score in scores.items()]
    if len(result["hands"]) > 1:
        mean = _mean(result["hands"])
        lines += [_line("mean", name, score, mean["base"]) for name, score in mean.items()]
    return "\n".join(lines)


def _mean(hands: dict) -> dict:
    names = next(iter(hands.values())).keys()
    return {
        name: {key: float(np.mean([scores[name][key] for scores in hands.values()])) for key in COLUMNS if key in next(iter(hands.values()))[name]}
        for name in names
    }


def _line(hand: str, name: str, score: dict, base: dict) -> str:
    nearness = f"{score['nearness']:>10.2f}" if "nearness" in score else ""
    of_base = [f"{score[key] / base[key]:>9.2f}" if base[key] else f"{'':>9}" for key in ("retrieval", "distance")]
    return (
        f"{hand:<20}{name:<14}{score['hit_rate']:>9.2f}{score['retrieval']:>11.2f}{of_base[0]}"
        f"{score['distance']:>10.2f}{of_base[1]}{nearness}"
    )


def _share(value: float) -> str:
    return f"{value:.2f}"
