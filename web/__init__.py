"""HTTP: webhook intake, the JSON API, the console."""
