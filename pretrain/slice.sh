#!/bin/sh
# One slice of training on a machine that has PyTorch and what was carried there:
#   sh pretrain/slice.sh PRESET WORK PIECES MINUTES BACK
# PIECES has what `packs pack` wrote and a wheel of diffusers; BACK gets the weights, in pieces. Pieces may come in
# several loads: the slice trains when all are there. Run it again to go on.
set -eu
preset=$1 work=$2 pieces=$3 minutes=$4 back=$5
mkdir -p "$work/site"
for wheel in "$pieces"/*.whl; do
  if [ -e "$wheel" ]; then python3 -m zipfile -e "$wheel" "$work/site"; fi
done
export PYTHONPATH="$work/site${PYTHONPATH:+:$PYTHONPATH}"
if ls "$pieces"/atelier-*.zip >/dev/null 2>&1; then
  python3 -m pretrain.packs unpack --work "$work" --from "$pieces"
fi
python3 -m pretrain.run --preset "$preset" --work "$work" --only unet --minutes "$minutes"
python3 -m pretrain.packs result --work "$work/$preset" --to "$back"
