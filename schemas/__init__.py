"""Pydantic and dataclass shapes that cross a boundary. Imports no other folder of the project."""
