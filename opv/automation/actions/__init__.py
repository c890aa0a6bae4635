"""What an automation may do to an OPV. Each action changes the batch in memory and says what it did; it raises `Reject`
when a rule of the house refuses it, before it changes anything."""
