"""The keyboard laboratory: what hands do at a real browser, faster than the server can follow, and what is lost of it.

`python -m tests.lab.keyboard` does all of it; `--dose short` is what the tests do.
"""
