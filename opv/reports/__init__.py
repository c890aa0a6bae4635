"""Reports of the house: figures with the names of what they are counted by. `seen` says of which OPVs: those that a
viewer sees (`opv.access.visible`), or all."""

from opv.reports.costs import costs
from opv.reports.fairness import fairness
from opv.reports.first_contact import first_contacts
from opv.reports.funnel import funnel
from opv.reports.origins import origins
from opv.reports.withdrawals import withdrawals

__all__ = ["costs", "fairness", "first_contacts", "funnel", "origins", "withdrawals"]
