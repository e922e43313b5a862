"""The demo: the scheme from admission to the released list, on real servers, with figures that are checked twice.

scenario          who takes part and what each one's list is, invented from a seed or read from files
scheme            the steps over HTTP, as secretariat, reviewers and members take them
expected_results  what the figures must be, reckoned from the lists alone
play              one demo from start to summary
"""
