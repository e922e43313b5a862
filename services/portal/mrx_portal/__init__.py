"""Web pages for suppliers, members, the secretariat and reviewers.

Owns: nothing. Consumes: nothing. Publishes: nothing. Each page is drawn from the services' HTTP APIs, with the
token of the person who looks at it.
"""
