"""`python -m curator`, for places where the script is not on the path."""

from curator.cli.main import main

main()
