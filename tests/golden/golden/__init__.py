"""One module a golden: each has `make()`, which writes its folder under tests/golden."""
