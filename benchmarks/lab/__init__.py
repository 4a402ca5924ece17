"""What every row needs: a place to work, children that report, clocks, and a table."""
