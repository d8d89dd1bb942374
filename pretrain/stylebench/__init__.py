"""StyleBench: how well adapters learn a hand. `bench.py` is where to start; `measure.py` says what is measured."""
