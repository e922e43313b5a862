"""How people reach the member's verbs: commands."""
