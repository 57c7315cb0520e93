"""The app on the terminal: screens, widgets and the threads that feed them."""
