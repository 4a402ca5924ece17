"""The only code that touches the home."""
