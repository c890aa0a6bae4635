"""Models, the unit of work, claims, bulk writes, queries and migrations."""
