"""What crosses a boundary. Fields only: handlers map to and from the rules."""
