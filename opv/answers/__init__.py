"""What else is kept of an OPV: its tags, and the fields and questionnaires that the house made up."""
