"""The app: adding and scoring recordings, review, sets, the command line and the terminal screens."""
