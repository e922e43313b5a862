"""What an assessment goes through: protocols, drafts, evidence, two reviewers, verdicts."""
