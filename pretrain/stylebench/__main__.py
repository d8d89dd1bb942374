"""`python -m pretrain.stylebench`: how well adapters learn a hand. `cargo xtask stylebench` calls it."""

import argparse
import json
import sys
from pathlib import Path

from ..errors import RecipeError
from .atelier import Atelier
from .bench import PRESET_STEPS, Options, run
from .check import check
from .sizes import FULL, SMALL
from .table import table


def main() -> int:
    parser = argparse.ArgumentParser(prog="cargo xtask stylebench", description="Train an adapter on works of each held-out hand and measure what it makes.")
    parser.add_argument("--atelier", type=Path, required=True, help="the program; cargo xtask builds one where none is named")
    parser.add_argument("--model", type=Path, default=Path("www/models/sketch"), help="the base, a diffusers folder")
    parser.add_argument("--work", type=Path, required=True, help="the recipe's folder of downloads and rendered pictures")
    parser.add_argument("--out", type=Path, help="folder for adapters, pictures and sheets; what is there is not made again (WORK/stylebench)")
    parser.add_argument("--preset", default="balanced", choices=list(PRESET_STEPS))
    parser.add_argument("--device", default="cpu", choices=["cpu", "gpu"], help="where atelier computes")
    parser.add_argument("--reference", action="store_true", help="also train with diffusers and peft")
    parser.add_argument("--small", action="store_true", help="a test of the whole way in about two minutes: two hands, few steps")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    size = SMALL if arguments.small else FULL
    out = arguments.out or arguments.work / ("stylebench-small" if arguments.small else "stylebench")
    atelier = Atelier(arguments.atelier, arguments.model, arguments.device)
    try:
        for needed in (arguments.atelier, arguments.model / "model_index.json"):
            if not needed.is_file():
                raise RecipeError(f"{needed} is not there. Name another with --atelier or --model.")
        result = run(Options(arguments.work, out, arguments.preset, size, arguments.reference), atelier)
        print(json.dumps(result, indent=1) if arguments.json else table(result))
        if arguments.small:
            check(result)
    except RecipeError as problem:
        print(f"stylebench: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
