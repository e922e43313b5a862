"""What the pages do, one module for each kind of person."""
