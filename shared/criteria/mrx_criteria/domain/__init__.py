"""The rules: what a criterion weighs, what an answer is worth, when a protocol is equivalent."""
