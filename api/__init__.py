"""HTTP: bridge from ASGI to Flask, routes, errors, limits. Flask lives only here."""
