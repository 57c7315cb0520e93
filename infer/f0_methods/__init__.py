"""One file for each family of f0 estimators; each loads its library only when it is asked to work."""
