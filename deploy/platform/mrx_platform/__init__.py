"""A simulated data-sharing platform, SEDEX-style, with data of its own; slow and faulty on demand.

Companies (ZC…) own sites (ZS…), suppliers grant a company sight of a site, audits are published with their reports.
It stands in for a real platform in demonstrations and tests; no part of MRX imports it.
"""
