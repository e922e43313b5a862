"""What holds for tickets, files and reports, whatever brings them."""
