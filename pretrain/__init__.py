"""The recipe of Sketch, the model that Atelier ships: from package registries to a diffusers folder.

Start with `run.py`, which lists the steps in order; `presets.py` has every size and number.
"""
