"""The clients involved in an OPV: who they are, what is missing of them, what does not fit, and who is one person."""
