"""Documents come in: loaders, splitting, jobs, search. Imported by `app` only."""
