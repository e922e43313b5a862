"""What a benchmark is: criteria, answers, commonality, protocols, assessments."""
