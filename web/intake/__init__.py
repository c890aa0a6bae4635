"""Webhook intake: a request is verified, its secrets are masked, it is stored, and only then answered.

`endpoint` is the route, `masking` what is taken out before storing, `store` the group commit with its two
writers (`postgres`, `sqlite`), `refusals` the counts of what was turned away.
"""
