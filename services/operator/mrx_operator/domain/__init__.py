"""What topics, rights and an unbroken log are. Standard library only."""
