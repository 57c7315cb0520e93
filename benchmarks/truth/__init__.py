"""The benchmark of truth: what every score says of material whose answer is known.

`python -m benchmarks.truth AUDIO_FOLDER` prints one table of all of them. A score is one module here with
`rows(folder, half)`, named in `benchmarks.truth.__main__.MODULES`.
"""
