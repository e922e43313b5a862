"""The member's verbs: its list, the released one, requests for reports, and the reports themselves."""
